-- Read a live record and its data. Writes nothing.
--
-- ARGV  2 sid
-- Returns {'found', now, session, data} or {'gone'}.

local record = find(ARGV[2])
return record and found(record) or { 'gone' }
