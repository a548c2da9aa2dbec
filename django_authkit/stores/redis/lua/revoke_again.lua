-- Revoke again what a process saw to be revoked, if the server has lost it: what began after that goes on.
--
-- ARGV  2 sid or '', 3 the least generation whose tokens were valid or 0, 4 user id or '', 5 when: of all, if there
--       is neither a sid nor a user
-- Returns 1 if it was lost, or 0.

local sid, generation, user_id, revoked_at = ARGV[2], tonumber(ARGV[3]), ARGV[4], tonumber(ARGV[5])

-- After a proof its owner has tokens of that generation, which a server that has lost the proof does not know. So
-- whoever could use the auth session has those of before.
local function again_session()
  local record = find(sid)
  if not record or (generation > 0 and record.least_generation >= generation) then return 0 end
  revoke(record, 'revoked', 'again')
  return 1
end

local function again_user()
  local epoch_key = key('e', user_id)
  local floor, latest, hash, began = unpack(epoch_of(user_id) or { 0 })
  if floor >= revoked_at or latest == revoked_at or (began or 0) >= revoked_at then return 0 end
  local lifetime = math.max(REPEATABLE, redis.call('PTTL', key('u', user_id)), redis.call('PTTL', epoch_key))
  redis.call('UNLINK', epoch_key)
  redis.call('SET', epoch_key, cmsgpack.pack({ floor, latest or false, hash or false, revoked_at }), 'PX', lifetime)
  list_entry('p', user_id, 'u', revoked_at)
  return 1
end

local function again_all()
  if epoch >= revoked_at then return 0 end
  redis.call('UNLINK', base .. ':epoch')
  redis.call('SET', base .. ':epoch', revoked_at)
  list_entry('e', revoked_at)
  return 1
end

if sid ~= '' then return again_session() end
local again = user_id ~= '' and again_user or again_all
local lost = again()
-- What came back may have got tokens since. Of those issued before now, the list does not know everything; nor do
-- the copies of it, so it is another list.
if lost == 1 then
  local birth = math.max(server_now, latest_time())
  redis.call('HSET', base .. ':m', 'birth', birth, 'began', birth)
end
return lost
