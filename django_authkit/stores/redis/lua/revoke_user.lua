-- Revoke the user's live records, except one, and except those with one session auth hash.
--
-- ARGV  2 user id, 3 sid to keep or '', 4 1 when there is a hash to keep, 5 that hash, 6 an id unique to the call
-- Returns how many members there are to name.

local user_id, keep, keep_hash, call = ARGV[2], ARGV[3], ARGV[4] == '1' and ARGV[5], ARGV[6]

if recall(call) then return unnamed(call) end

local kept = keep ~= '' and find(keep)
if kept and kept.user_id ~= user_id then kept = nil end

revoke_all_of(user_id, call, keep_hash)
remember(call, 1)
if kept then
  redis.call('ZREM', key('x', call), keep)
  save(kept, true)
end
return unnamed(call)
