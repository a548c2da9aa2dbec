-- Store the data of an anonymous session, under a new handle.
--
-- a:<handle>  a packed array of key digest, expiry and data
-- ARGV        2 handle, 3 key digest, 4 data, 5 lifetime
-- Returns 1, or 0 when another record has the handle.

local record_key, key_digest, data, lifetime = key('a', ARGV[2]), ARGV[3], ARGV[4], tonumber(ARGV[5])

local packed = redis.call('GET', record_key)
if packed then
  local taken_by, expires = unpack(cmsgpack.unpack(packed))
  if now < expires then return taken_by == key_digest and 1 or 0 end
end
redis.call('SET', record_key, cmsgpack.pack({ key_digest, now + lifetime, data }), 'PX', lifetime)
return 1
