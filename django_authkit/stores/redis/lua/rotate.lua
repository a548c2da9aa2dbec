-- Exchange the current refresh token for the proposed one.
--
-- ARGV  2 sid, 3 generation, 4 presented digest, 5 proposed digest, 6 sealed successor, 7 grace,
--       8 idle, 9 access, 10 address or '', 11 1 if the user has just authenticated again,
--       12 0 if the current token stays current, 13 which copy of the token it is, 14 a mark of the browser or '',
--       15 how many rotations in a row may be forked, 16 nonce that the device has signed or '', 17 the next nonce,
--       18 for how long after its first use the binding needs no proof, -1 for ever
-- Returns {'rotated', now, session}, {'kept', now, session}, {'repeated', now, session, sealed},
--         {'superseded', now}, {'unproved', now, session}, {'reused', now, session, class, age} or {'gone', now, 1 if the store lost writes}.

local sid, generation, presented, proposed, sealed = ARGV[2], tonumber(ARGV[3]), ARGV[4], ARGV[5], ARGV[6]
local grace, idle, access, address = tonumber(ARGV[7]), tonumber(ARGV[8]), tonumber(ARGV[9]), ARGV[10]
local reauthenticated, rotates = ARGV[11] == '1', ARGV[12] == '1'
local copy, device, most_forks = ARGV[13], ARGV[14], tonumber(ARGV[15])
local nonce, next_nonce, unproved = ARGV[16], ARGV[17], tonumber(ARGV[18])

local ONE_CALL = 1000 -- within so many milliseconds a lost reply is repeated

local function relation(record)
  if generation > record.generation then return 'newer' end
  if generation < record.generation - 1 then return 'older' end
  if generation == record.generation then return presented == record.jti_digest and 'current' or 'mismatched' end
  return presented == record.previous_digest and 'previous' or 'mismatched'
end

-- Two different copies of the token that was rotated were used: note it once for each rotation.
local function note_fork(record)
  if (record.rotated_copy or '') == copy or record.forked_generation == record.generation then return end
  local in_a_row = record.forked_generation == record.generation - 1
  record.forks = in_a_row and record.forks + 1 or 1
  record.forked_generation = record.generation
end

-- Why a predecessor within the grace is no repeat, or nil.
local function theft(record)
  if device ~= '' and (record.rotated_by or '') ~= '' and record.rotated_by ~= device then return 'other_device' end
  if record.forked_generation == record.generation and record.forks > most_forks then return 'followed' end
end

local function reused(record, class)
  local age = record.revoked_ms - record.rotated_ms
  local why = class == 'previous' and age < grace and theft(record) or class
  return { 'reused', now, described(record), why, age }
end

local function used(record)
  record.last_seen_ms, record.mode = now, 'jwt'
  if address ~= '' then record.address = address end
  record.idle_expires_ms = idle_end(record, idle)
  expect_access(record, access)
end

local function keep(record)
  used(record)
  save(record)
  return { 'kept', now, described(record) }
end

local function advance(record)
  record.previous_digest, record.jti_digest = record.jti_digest, proposed
  record.generation, record.rotated_ms = record.generation + 1, now
  record.rotated_copy, record.rotated_by = copy, device
  used(record)
  if reauthenticated then
    record.auth_time_ms, record.key_digest = now, ''
    record.least_generation = record.generation
  end
  record.sealed = grace > 0 and not reauthenticated and sealed or nil
  save(record)
  return { 'rotated', now, described(record) }
end

-- Whether the record is bound to a device that has to prove itself, and has not.
local function needs_proof(record)
  if nonce ~= '' then return record.device_nonce ~= nonce end
  return is_unproved(record, unproved)
end

-- The device has the key, so it does not matter how many answers it has lost since it got this token.
local function advance_proved(record)
  record.device_nonce = next_nonce
  if record.bound_ms == 0 then record.bound_ms = now end
  return advance(record)
end

local record = read(sid)
if not record then return { 'gone', now, 0 } end
local class = relation(record)
if record.revoked_by == proposed then return reused(record, class) end
if not alive(record) then return { 'gone', now, 0 } end
if class == 'newer' then return { 'gone', now, 1 } end
if record.jti_digest == '' then return { 'gone', now, 0 } end -- its refresh token was deleted when the session key was renewed
if record.jti_digest == proposed then -- this call again
  -- The instant of the rotation, which access_until_ms was computed from: so must be what is issued. Much later
  -- it would have expired, so then it lives from now on.
  if now - record.rotated_ms <= ONE_CALL then return { 'rotated', record.rotated_ms, described(record) } end
  expect_access(record, access)
  save(record)
  return { 'rotated', now, described(record) }
end
if needs_proof(record) then return { 'unproved', now, described(record) } end
if nonce ~= '' then return advance_proved(record) end
if class == 'current' then return rotates and advance(record) or keep(record) end
if generation < record.least_generation then return { 'superseded', now } end
if class == 'previous' and now - record.rotated_ms < grace then
  if reauthenticated then return advance(record) end -- the successor was issued without this proof
  note_fork(record)
  if record.sealed and not theft(record) then
    expect_access(record, access)
    save(record)
    return { 'repeated', now, described(record), record.sealed }
  end
end
revoke(record, 'reuse', proposed)
return reused(record, class)
