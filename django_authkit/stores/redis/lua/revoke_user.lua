-- Revoke the user's live records, except one, and except those with one session auth hash.
--
-- However many there are, this only moves the user's epoch and sets the index aside; `name_revoked` names the
-- revoked afterwards.
--
-- e:<user_id>  the user's epoch, a packed array {floor, latest, hash}: records written before `floor` are dead,
--              and those written before `latest` too, unless they have the session auth hash
-- x:<call>     the index as it was, whose members have not been named yet
-- ARGV         2 user id, 3 sid to keep or '', 4 1 when there is a hash to keep, 5 that hash, 6 an id unique to the
--              call
-- Returns how many members there are to name.

local user_id, keep, keep_hash, call = ARGV[2], ARGV[3], ARGV[4] == '1' and ARGV[5], ARGV[6]
local index, set_aside, epoch_key = key('u', user_id), key('x', call), key('e', user_id)

if recall(call) then return redis.call('ZCARD', set_aside) end

local kept = keep ~= '' and find(keep)
if kept and kept.user_id ~= user_id then kept = nil end

-- The epoch lasts as long as any record that it revokes.
local lifetime = math.max(REPEATABLE, redis.call('PTTL', index), redis.call('PTTL', epoch_key))
local floor, latest, hash = unpack(epoch_of(user_id) or { 0 })
latest = latest or floor
local moved = math.max(now, latest + 1)
local same_hash = keep_hash and hash == keep_hash

redis.call('UNLINK', epoch_key) -- the first write takes away, so that this works on a full server too
remember(call, 1)
local of_user = keep_hash and { same_hash and floor or latest, moved, keep_hash } or { moved }
redis.call('SET', epoch_key, cmsgpack.pack(of_user), 'PX', lifetime)
if redis.call('EXISTS', index) == 1 then redis.call('RENAME', index, set_aside) end
if kept then
  redis.call('ZREM', set_aside, keep)
  save(kept)
end
list_entry('p', user_id, 'u', now)
return redis.call('ZCARD', set_aside)
