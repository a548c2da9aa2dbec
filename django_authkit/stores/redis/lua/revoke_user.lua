-- Revoke the user's live records, except one, and except those with one session auth hash.
--
-- ARGV  2 user id, 3 reason, 4 sid to keep or '', 5 1 when there is a hash to keep, 6 that hash,
--       7 an id unique to the call
-- Returns the revoked sessions.

local user_id, reason, keep, call = ARGV[2], ARGV[3], ARGV[4], ARGV[7]
local keep_hash = ARGV[5] == '1' and ARGV[6]

local earlier = recall(call)
if earlier then return earlier end
local revoked = {}
for _, sid in ipairs(redis.call('ZRANGE', key('u', user_id), 0, -1, 'REV')) do
  local record = find(sid)
  if record and sid ~= keep and record.auth_hash ~= keep_hash then
    revoke(record, reason, call)
    revoked[#revoked + 1] = record
  end
end
local reply = described_all(revoked)
remember(call, reply)
return reply
