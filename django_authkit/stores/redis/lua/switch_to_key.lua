-- Give the live record whose current refresh token is known a session key beside it.
--
-- ARGV  2 sid, 3 digest of the current jti, 4 digest of the proposed key, 5 idle
-- Returns {'switched', now, session, data}, {'kept'} or {'gone'}.

local sid, jti, proposed, idle = ARGV[2], ARGV[3], ARGV[4], tonumber(ARGV[5])

local record = find(sid)
if not record then return { 'gone' } end
if record.jti ~= jti then return { 'kept' } end
if record.key ~= proposed then
  if record.mode ~= 'jwt' then return { 'kept' } end
  record.key = proposed
end
record.mode, record.last_seen, record.idle_until = 'session', now, idle_end(record, idle)
save(record)
local answer = found(record)
answer[1] = 'switched'
return answer
