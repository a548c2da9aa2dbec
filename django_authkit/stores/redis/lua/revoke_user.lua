-- End the user's live records, but for one.
--
-- ARGV  2 user id, 3 reason, 4 sid to keep or '', 5 an id unique to the call
-- Returns the sessions as they were ended.

local user_id, reason, keep, call = ARGV[2], ARGV[3], ARGV[4], ARGV[5]

local earlier = recall(call)
if earlier then return earlier end
local ended = {}
for _, record in ipairs(live_of(user_id)) do
  if record.sid ~= keep then
    finish(record, reason, call)
    ended[#ended + 1] = record
  end
end
local answer = described_all(ended)
remember(call, answer)
return answer
