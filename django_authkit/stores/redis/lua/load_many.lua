-- Read several records of one bucket, without their data. Writes nothing.
--
-- ARGV  2 sid, and so on for each record
-- Returns JSON: of each live record the sid and the public fields.

local keys = { base .. ':epoch' }
for i = 2, #ARGV do keys[i] = key('s', ARGV[i]) end
local packed = redis.call('MGET', unpack(keys))
local revoked_before = tonumber(packed[1] or 0)

local live, epochs = {}, {}
for i = 2, #ARGV do
  local values = packed[i] and unpacked(packed[i])
  if values then
    local user_id = values[USER_ID]
    if epochs[user_id] == nil then epochs[user_id] = epoch_of(user_id) end
    if is_live(values, revoked_before, epochs[user_id]) then
      live[#live + 1] = { ARGV[i], unpack(values, FIRST, LAST) }
    end
  end
end
return cjson.encode(live)
