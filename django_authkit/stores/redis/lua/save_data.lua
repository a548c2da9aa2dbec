-- Replace the session data of the live record with this session key.
--
-- ARGV  2 sid, 3 key digest, 4 data, 5 the record's own idle timeout or ''
-- Returns 1, or 0 with nothing written.

local sid, key_digest, data, idle_limit = ARGV[2], ARGV[3], ARGV[4], tonumber(ARGV[5])

local record = find(sid)
if not record or record.key_digest ~= key_digest then return 0 end
if data == '' then
  redis.call('UNLINK', key('d', sid))
else
  redis.call('SET', key('d', sid), data)
end
local same_limit = (record.idle_limit_ms or false) == (idle_limit or false)
record.idle_limit_ms = idle_limit or false
if idle_limit then record.idle_expires_ms = math.min(record.idle_expires_ms, now + idle_limit) end
save(record, same_limit)
return 1
