-- Name some of the records that `revoke_all_of` revoked, and reclaim their space.
--
-- ARGV  2 user id, 3 the id of that call, 4 an id unique to this one, 5 how many to name at most
-- Returns {the sessions, how many there are still to name}.

local user_id, revoking, call, limit = ARGV[2], ARGV[3], ARGV[4], tonumber(ARGV[5])

-- Reply, as it is remembered: how many there are still to name, and the sessions.
local function answer(reply)
  local left, sessions = string.match(reply, '^(%d+) (.*)$')
  return { sessions, tonumber(left) }
end

local earlier = recall(call)
if earlier then return answer(earlier) end

local sids, keys, revoked = {}, {}, {}
for i, member in ipairs(redis.call('ZPOPMIN', key('x', revoking), limit)) do
  if i % 2 == 1 then
    sids[#sids + 1] = member
    keys[#keys + 1] = key('s', member)
  end
end
local of_user = epoch_of(user_id)
for i, packed in ipairs(#keys > 0 and redis.call('MGET', unpack(keys)) or {}) do
  local values = packed and unpacked(packed)
  if values and is_live(values, epoch, of_user) then -- kept for its hash
    save(record_of(sids[i], values), true)
  elseif values and is_live(values, epoch) then
    revoked[#revoked + 1] = { sids[i], values }
    redis.call('UNLINK', key('d', sids[i]))
    redis.call('PEXPIRE', keys[i], REPEATABLE)
  end
end
local reply = unnamed(revoking) .. ' ' .. described_live(revoked)
remember(call, reply)
return answer(reply)
