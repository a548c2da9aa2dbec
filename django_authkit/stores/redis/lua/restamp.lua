-- Record another session auth hash on the live record.
--
-- ARGV  2 sid, 3 auth hash
-- Returns 1, or 0 when there is no live record.

local record = find(ARGV[2])
if not record then return 0 end
record.auth_hash = ARGV[3]
save(record)
return 1
