-- Give the device of the live record another name.
--
-- ARGV  2 sid, 3 label
-- Returns 1, or 0 when there is no live record.

local record = find(ARGV[2])
if not record then return 0 end
record.label = ARGV[3]
save(record)
return 1
