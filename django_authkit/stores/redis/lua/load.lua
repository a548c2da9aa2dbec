-- Read a live record and its data. Writes nothing.
--
-- ARGV  2 sid
-- Returns what `shown` does, or 'gone'.

return values and shown(sid, values, data) or 'gone'
