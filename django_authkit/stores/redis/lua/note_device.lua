-- Record where the live record is used from now, if there is one.
--
-- ARGV  2 sid, 3 address, 4 label, 5 browser mark
-- Returns 1.

local record = find(ARGV[2])
if record then
  record.address, record.label, record.browser_mark = ARGV[3], ARGV[4], ARGV[5]
  save(record)
end
return 1
