-- Revoke the user's live records, except one.
--
-- ARGV  2 user id, 3 reason, 4 sid to keep or '', 5 an id unique to the call
-- Returns the revoked sessions.

local user_id, reason, keep, call = ARGV[2], ARGV[3], ARGV[4], ARGV[5]

local earlier = recall(call)
if earlier then return earlier end
local revoked = {}
for _, record in ipairs(live_of(user_id)) do
  if record.sid ~= keep then
    revoke(record, reason, call)
    revoked[#revoked + 1] = record
  end
end
local reply = described_all(revoked)
remember(call, reply)
return reply
