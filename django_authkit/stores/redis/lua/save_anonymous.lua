-- Replace the data of an anonymous session, and move its expiry.
--
-- ARGV  2 handle, 3 key digest, 4 data, 5 lifetime
-- Returns 1, or 0 with nothing written when absent, expired or of another key.

local record_key, key_digest, data, lifetime = key('a', ARGV[2]), ARGV[3], ARGV[4], tonumber(ARGV[5])

local packed = redis.call('GET', record_key)
if not packed then return 0 end
local owner, expires = unpack(cmsgpack.unpack(packed))
if owner ~= key_digest or now >= expires then return 0 end
redis.call('SET', record_key, cmsgpack.pack({ key_digest, now + lifetime, data }), 'PX', lifetime)
return 1
