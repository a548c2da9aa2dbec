-- Read the live record with this session key, and record activity when that is due.
--
-- ARGV  2 sid, 3 key digest, 4 idle, 5 interval, 6 1 if session keys are what it is issued
-- Returns {'found', now, session, data}, {'superseded'} or {'gone'}.

local sid, key_digest, idle, interval = ARGV[2], ARGV[3], tonumber(ARGV[4]), tonumber(ARGV[5])

local record = find(sid)
if not record then return { 'gone' } end
if record.key ~= key_digest then return { 'superseded' } end
local settled = ARGV[6] ~= '1' or record.mode == 'session'
if not settled then record.mode = 'session' end
if not settled or now - record.last_seen >= interval then
  record.last_seen, record.idle_until = now, idle_end(record, idle)
  save(record)
end
return found(record)
