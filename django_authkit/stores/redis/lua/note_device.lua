-- Record where the live record is used from now, if there is one.
--
-- ARGV  2 sid, 3 address, 4 user agent
-- Returns nothing.

local record = find(ARGV[2])
if not record then return end
record.address, record.user_agent = ARGV[3], ARGV[4]
save(record)
