-- List some of the user's live records: those with the latest idle ends come first, and among the listed the most
-- recently seen.
--
-- ARGV  2 user id, 3 how many to skip, 4 how many to list at most
-- Returns {how many there are, the sessions, how many were found dead and left out}.

local user_id, skipped, limit = ARGV[2], tonumber(ARGV[3]), tonumber(ARGV[4])

local count = count_of(user_id)
local last = math.min(skipped + limit, count) - 1
if last < skipped then return { count, '[]', 0 } end
local live, dead = live_of(user_id, redis.call('ZRANGE', key('u', user_id), skipped, last, 'REV'))
table.sort(live, more_recent)
return { count - dead, described_live(live), dead }
