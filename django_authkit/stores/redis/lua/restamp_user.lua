-- Replace one session auth hash by another on the user's live records.
--
-- ARGV  2 user id, 3 old hash, 4 new hash, 5 an id unique to the call
-- Returns how many records had the old one.

local user_id, old_hash, new_hash, call = ARGV[2], ARGV[3], ARGV[4], ARGV[5]

local earlier = recall(call)
if earlier then return tonumber(earlier) end
local count = 0
for _, record in ipairs(live_of(user_id)) do
  if record.auth_hash == old_hash then
    record.auth_hash = new_hash
    save(record)
    count = count + 1
  end
end
remember(call, count)
return count
