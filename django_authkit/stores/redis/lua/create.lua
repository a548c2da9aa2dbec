-- Make a record, unless the sid is taken or the limit refuses it.
--
-- ARGV  2 sid, 3 the caller's fields (JSON), 4 key digest or '', 5 jti digest or '', 6 data,
--       7 idle, 8 absolute, 9 access, 10 max_sessions or '', 11 on_limit, 12 auth_age,
--       13 number of buckets
-- Returns {'created', session, revoked sessions}, {'refused', live} or {'taken'}.

local sid, fields, key_digest, jti_digest, data = ARGV[2], ARGV[3], ARGV[4], ARGV[5], ARGV[6]
local idle, absolute, access = tonumber(ARGV[7]), tonumber(ARGV[8]), tonumber(ARGV[9])
local max_sessions, on_limit, auth_age = tonumber(ARGV[10]), ARGV[11], tonumber(ARGV[12])

-- After revoke_all in this millisecond a new auth session still begins later than the epoch.
now = math.max(now, epoch + 1)

local record = cjson.decode(fields)

local earlier = read(sid)
if earlier then
  local same = earlier.user_id == record.user_id and earlier.key_digest == key_digest and earlier.jti_digest == jti_digest
  if not same then return { 'taken' } end
  return { 'created', described(earlier), recall(sid) or '[]' }
end

local revoked = {}
if max_sessions then
  local live = live_of(record.user_id)
  if #live >= max_sessions then
    if on_limit == 'refuse' then return { 'refused', #live } end
    local kept = on_limit == 'evict' and max_sessions - 1 or 0
    for i = #live, kept + 1, -1 do
      revoke(live[i], 'limit', sid)
      revoked[#revoked + 1] = live[i]
    end
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
if jti_digest ~= '' then record.generation, record.rotated_ms = 1, now end
record.key_digest, record.jti_digest, record.previous_digest = key_digest, jti_digest, ''

redis.call('HSETNX', base .. ':m', 'buckets', ARGV[13])
if access > 0 then widen_window(access) end
if data ~= '' then redis.call('SET', key('d', sid), data) end
save(record)
local revoked_sessions = described_all(revoked)
if #revoked > 0 then remember(sid, revoked_sessions) end
return { 'created', described(record), revoked_sessions }
