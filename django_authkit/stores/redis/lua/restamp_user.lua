-- Replace one session auth hash by another on some of the user's live records.
--
-- ARGV  2 user id, 3 old hash, 4 new hash, 5 an id unique to the call, 6 how many records to skip,
--       7 how many to read
-- Returns {how many had the old one, how many were read, how many there are}.

local user_id, old_hash, new_hash, call = ARGV[2], ARGV[3], ARGV[4], ARGV[5]
local skipped, limit = tonumber(ARGV[6]), tonumber(ARGV[7])

local earlier = recall(call)
if earlier then return cjson.decode(earlier) end
local count, restamped = count_of(user_id), 0
local last = math.min(skipped + limit, count) - 1
if last < skipped then return { 0, 0, count } end
local live, dead = live_of(user_id, redis.call('ZRANGE', key('u', user_id), skipped, last, 'REV'))
for _, each in ipairs(live) do
  if each[2][AUTH_HASH] == old_hash then
    local record = record_of(each[1], each[2])
    record.auth_hash = new_hash
    save(record)
    restamped = restamped + 1
  end
end
local reply = { restamped, #live, count - dead }
remember(call, cjson.encode(reply))
return reply
