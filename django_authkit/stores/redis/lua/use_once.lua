-- Part of the lookups for a request with a proof that works once: the first request to use it notes that.
--
-- ARGV  the last three: handle, the id of the request, lifetime; as `create_anonymous` keeps them
-- Returns 'replayed' if another request has used it.

if values then
  local use_key, request, lifetime = key('a', ARGV[#ARGV - 2]), ARGV[#ARGV - 1], tonumber(ARGV[#ARGV])
  local noted = redis.call('GET', use_key)
  local used_by, until_ms
  if noted then used_by, until_ms = unpack(cmsgpack.unpack(noted)) end
  if noted and now < until_ms then
    if used_by ~= request then return 'replayed' end
  else
    redis.call('SET', use_key, cmsgpack.pack({ request, now + lifetime, '' }), 'PX', lifetime)
  end
end
