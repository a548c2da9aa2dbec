-- Exchange the current refresh token for the proposed one.
--
-- ARGV  2 sid, 3 generation, 4 presented digest, 5 proposed digest, 6 sealed successor, 7 grace,
--       8 idle, 9 access, 10 address or '', 11 1 if the user has just proved again that it is them,
--       12 1 if the current token is to stay current
-- Returns {'rotated', now, session}, {'kept', now, session}, {'repeated', now, session, sealed},
--         {'reused', now, session, class, age} or {'gone', now, 1 if the store lost writes}.

local sid, generation, presented, proposed, sealed = ARGV[2], tonumber(ARGV[3]), ARGV[4], ARGV[5], ARGV[6]
local grace, idle, access, address = tonumber(ARGV[7]), tonumber(ARGV[8]), tonumber(ARGV[9]), ARGV[10]
local reauthenticated, standing = ARGV[11] == '1', ARGV[12] == '1'

local function relation(record)
  if generation > record.generation then return 'newer' end
  if generation < record.generation - 1 then return 'older' end
  if generation == record.generation then return presented == record.jti and 'current' or 'mismatched' end
  return presented == record.previous and 'previous' or 'mismatched'
end

local function reused(record, class)
  return { 'reused', now, described(record), class, record.ended_at - record.rotated }
end

local function answered_access(record)
  if reauthenticated then record.auth_time = now end
  expect_access(record, access)
end

local function used(record)
  record.last_seen, record.mode = now, 'jwt'
  if address ~= '' then record.address = address end
  record.idle_until = idle_end(record, idle)
  answered_access(record)
end

local function keep(record)
  used(record)
  save(record)
  return { 'kept', now, described(record) }
end

local function advance(record)
  record.previous, record.jti = record.jti, proposed
  record.generation, record.rotated = record.generation + 1, now
  used(record)
  if grace > 0 then
    redis.call('SET', key('g', sid), sealed, 'PX', grace)
  else
    redis.call('UNLINK', key('g', sid))
  end
  save(record)
  return { 'rotated', now, described(record) }
end

local record = read(sid)
if not record then return { 'gone', now, 0 } end
local class = relation(record)
if record.ended_by == proposed then return reused(record, class) end
if not alive(record) then return { 'gone', now, 0 } end
if class == 'newer' then return { 'gone', now, 1 } end
if record.jti == '' then return { 'gone', now, 0 } end -- its refresh token ended with a session key's renewal
if class == 'current' then return standing and keep(record) or advance(record) end
if class == 'previous' then
  -- The instant of the rotation: access_until was reckoned from it, and so must be what is issued.
  if record.jti == proposed then return { 'rotated', record.rotated, described(record) } end
  local successor = now - record.rotated < grace and redis.call('GET', key('g', sid))
  if successor then
    answered_access(record)
    save(record)
    return { 'repeated', now, described(record), successor }
  end
end
finish(record, 'reuse', proposed)
return reused(record, class)
