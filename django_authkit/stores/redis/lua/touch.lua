-- Read the live record with this session key, and record activity when that is due.
--
-- ARGV  2 sid, 3 key digest, 4 idle, 5 interval, 6 1 if session keys are what it is issued
-- Returns what `shown` does, 'superseded' or 'gone'.

if not values then return 'gone' end
if values[PRIVATE][KEY_DIGEST] ~= ARGV[3] then return 'superseded' end
local changes_mode = ARGV[6] == '1' and values[MODE] ~= 'session'
if not changes_mode and now - values[LAST_SEEN] < tonumber(ARGV[5]) then return shown(sid, values, data) end
