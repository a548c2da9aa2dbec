-- Read the data of an anonymous session.
--
-- ARGV  2 handle, 3 key digest
-- Returns the data, or nil when absent, expired or of another key.

local packed = redis.call('GET', key('a', ARGV[2]))
if not packed then return false end
local key_digest, expires, data = unpack(cmsgpack.unpack(packed))
return key_digest == ARGV[3] and now < expires and data
