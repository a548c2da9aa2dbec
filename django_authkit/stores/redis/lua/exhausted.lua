-- Tell how many counters refuse the next attempt.
--
-- h:<key>  a packed array of hits, the end of the window, and the limit
-- ARGV     from 2 on, the keys
-- Returns their number.

local exhausted = 0
for i = 2, #ARGV do
  local packed = redis.call('GET', key('h', ARGV[i]))
  if packed then
    local hits, ends, limit = unpack(cmsgpack.unpack(packed))
    if now < ends and hits >= limit then exhausted = exhausted + 1 end
  end
end
return exhausted
