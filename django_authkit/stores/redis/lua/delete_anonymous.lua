-- Delete the data of an anonymous session.
--
-- ARGV  2 handle, 3 key digest
-- Returns 1.

local record_key = key('a', ARGV[2])
local packed = redis.call('GET', record_key)
if packed and cmsgpack.unpack(packed)[1] == ARGV[3] then redis.call('UNLINK', record_key) end
return 1
