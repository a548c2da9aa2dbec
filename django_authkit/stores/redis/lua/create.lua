-- Make a record, unless the sid is taken or the limit refuses it.
--
-- ARGV  2 sid, 3 the caller's fields (JSON), 4 key digest or '', 5 jti digest or '', 6 data,
--       7 idle, 8 absolute, 9 access, 10 max_sessions or '', 11 on_limit, 12 auth_age,
--       13 number of buckets, 14 the age from which a record that was not seen again counts as unused,
--       15 how many calls went before this one
-- Returns {'created', session, revoked sessions, the call whose revoked `name_revoked` names or ''}, {'refused', live},
-- {'taken'}, or {'crowded', revoked sessions}: not enough room yet, call again.

local sid, fields, key_digest, jti_digest, data = ARGV[2], ARGV[3], ARGV[4], ARGV[5], ARGV[6]
local idle, absolute, access = tonumber(ARGV[7]), tonumber(ARGV[8]), tonumber(ARGV[9])
local max_sessions, on_limit, auth_age = tonumber(ARGV[10]), ARGV[11], tonumber(ARGV[12])
local unused_age, call, all_call = tonumber(ARGV[14]), sid .. '.' .. ARGV[15], sid .. '.all'
-- One call looks at no more records than LOOK, and revokes no more than STEP: other clients do not wait for long.
local LOOK, STEP = 100, 10

local record = with_defaults(cjson.decode(fields))

-- After a revocation in this millisecond a new auth session still begins later.
local of_user = epoch_of(record.user_id)
now = math.max(now, epoch + 1, (of_user and of_user[4] or 0) + 1)

local function is_unused(values)
  return values[LAST_SEEN] == values[CREATED] and now - values[CREATED] >= unused_age
end

-- Those that make room first: the unused, then the least recently seen.
local function goes_first(one, other)
  local one_unused, other_unused = is_unused(one[2]), is_unused(other[2])
  if one_unused ~= other_unused then return one_unused end
  return more_recent(other, one)
end

-- Revoke what has to go before one more is within the limit. Returns the revoked records, how many are left, and
-- what this came to: 'room', 'crowded', 'refused', or 'all' if all others have to go.
local function make_room(user_id)
  local count = count_of(user_id)
  if count < max_sessions then return {}, count, 'room' end

  local soonest = redis.call('ZRANGE', key('u', user_id), '(' .. now, '+inf', 'BYSCORE', 'LIMIT', 0, LOOK)
  local live, dead = live_of(user_id, soonest)
  count = count - dead
  local surplus, unused = math.max(count - max_sessions + 1, 0), 0
  for _, each in ipairs(live) do
    if is_unused(each[2]) then unused = unused + 1 end
  end
  if unused < surplus then
    if on_limit == 'refuse' then return {}, count, dead > 0 and 'crowded' or 'refused' end
    if on_limit == 'revoke_others' then return {}, count, 'all' end
  end

  table.sort(live, goes_first)
  local revoked = {}
  for i = 1, math.min(surplus, STEP, #live) do
    revoked[i] = record_of(live[i][1], live[i][2])
    revoke(revoked[i], 'limit', sid)
  end
  return revoked, count, #revoked < surplus and 'crowded' or 'room'
end

local earlier_step = recall(call)
if earlier_step then return { 'crowded', earlier_step } end
local earlier = read(sid)
if earlier then
  local same = earlier.user_id == record.user_id and earlier.key_digest == key_digest and earlier.jti_digest == jti_digest
  if not same then return { 'taken' } end
  return { 'created', described(earlier), recall(sid) or '[]', recall(all_call) or '' }
end

local revoked = {}
if max_sessions then
  local live, outcome
  revoked, live, outcome = make_room(record.user_id)
  if outcome == 'refused' then return { 'refused', live } end
  if outcome == 'all' then
    revoke_all_of(record.user_id, all_call)
    remember(all_call, all_call)
  end
  if outcome == 'crowded' then
    local step = described_all(revoked)
    remember(call, step)
    return { 'crowded', step }
  end
end

record.sid = sid
record.created_ms, record.last_seen_ms = now, now
record.auth_time_ms = math.max(now - auth_age, 0)
record.expires_ms = now + absolute
record.idle_limit_ms = false
record.idle_expires_ms = idle_end(record, idle)
record.access_until_ms = access > 0 and math.min(now + access, record.idle_expires_ms) or 0
record.generation, record.rotated_ms = 0, 0
if record.device_key ~= '' then record.bound_ms = now end
if jti_digest ~= '' then record.generation, record.rotated_ms = 1, now end
record.key_digest, record.jti_digest, record.previous_digest = key_digest, jti_digest, ''

redis.call('HSETNX', base .. ':m', 'buckets', ARGV[13])
if access > 0 then widen_window(access) end
if data ~= '' then redis.call('SET', key('d', sid), data) end
save(record)
local revoked_sessions = described_all(revoked)
if #revoked > 0 then remember(sid, revoked_sessions) end
return { 'created', described(record), revoked_sessions, recall(all_call) or '' }
