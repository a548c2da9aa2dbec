-- Read the data of anonymous sessions.
--
-- ARGV  2 handle, 3 key digest, and so on for each session
-- Returns a list: the data of each, or nil when absent, expired or of another key.

local all = {}
for i = 2, #ARGV, 2 do
  local packed = redis.call('GET', key('a', ARGV[i]))
  local key_digest, expires, data
  if packed then key_digest, expires, data = unpack(cmsgpack.unpack(packed)) end
  all[#all + 1] = packed and key_digest == ARGV[i + 1] and now < expires and data
end
return all
