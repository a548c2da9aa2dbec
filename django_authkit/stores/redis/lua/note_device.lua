-- Record where the live record is used from now, if there is one.
--
-- ARGV  2 sid, 3 address, 4 user agent
-- Returns 1.

local record = find(ARGV[2])
if record then
  record.address, record.user_agent = ARGV[3], ARGV[4]
  save(record)
end
return 1
