-- Prelude of every script about auth sessions: the record, its life and its end.
--
-- s:<sid>      the record, a packed array of FIELDS
-- d:<sid>      Django session data; no key when there is none
-- g:<sid>      the sealed successor of the previous refresh token; erases itself after the grace
-- u:<user_id>  sorted set of the user's sids by idle end
-- r:<call>     what a call answered that cannot be found out again, for a repetition of it
-- epoch        auth sessions begun up to then are dead
--
-- An ended record stays for a while with `ended` set: nobody may take its sid, and a repeated call is
-- answered as the first time.

local FIELDS = {
  'user_id', 'backend', 'auth_hash', 'mode', 'remember', 'amr', 'address', 'user_agent',
  'created', 'auth_time', 'last_seen', 'idle_until', 'ends', 'access_until', 'generation', 'rotated',
  'key', 'jti', 'previous', 'idle_limit',
  'ended', 'ended_at', 'ended_by',
}
local REPEATABLE = 60000
local TRIM = 1000

local epoch = tonumber(redis.call('GET', base .. ':epoch') or 0)

local function read(sid)
  local packed = redis.call('GET', key('s', sid))
  if not packed then return nil end
  local values, record = cmsgpack.unpack(packed), { sid = sid }
  for i, field in ipairs(FIELDS) do record[field] = values[i] end
  if record.backend == 0 then record.backend = STOCK_BACKEND end
  return record
end

local function alive(record)
  return not record.ended and record.created > epoch and now < record.idle_until
end

local function find(sid)
  local record = read(sid)
  return record and alive(record) and record or nil
end

local function put(record, lifetime)
  local values = {}
  for i, field in ipairs(FIELDS) do values[i] = record[field] end
  if record.backend == STOCK_BACKEND then values[BACKEND] = 0 end
  redis.call('SET', key('s', record.sid), cmsgpack.pack(values), 'PX', lifetime)
end

-- Write a live record, its place in the index and the time when their space is reclaimed.
local function save(record)
  local lifetime = math.max(1, record.idle_until - now)
  local index = key('u', record.user_id)
  put(record, lifetime)
  redis.call('PEXPIRE', key('d', record.sid), lifetime)
  redis.call('ZADD', index, record.idle_until, record.sid)
  if redis.call('PTTL', index) < lifetime then redis.call('PEXPIRE', index, lifetime) end
end

-- End a live record before its time. `call` is unique to the call that ends it.
-- A server whose memory is full refuses to add only as the first write of a script: so what takes
-- away comes first, and revocation works on a full server too.
local function finish(record, reason, call)
  record.ended, record.ended_at, record.ended_by = reason, now, call
  redis.call('UNLINK', key('d', record.sid), key('g', record.sid))
  redis.call('ZREM', key('u', record.user_id), record.sid)
  put(record, math.max(REPEATABLE, record.access_until - now))
  list_revoked(record)
end

-- The idle end after activity now: never past the record's own limit or its absolute end.
local function idle_end(record, idle)
  return math.min(now + math.min(idle, record.idle_limit or idle), record.ends)
end

-- An access token that lives for `access` is about to be issued.
local function expect_access(record, access)
  widen_window(access)
  record.access_until = math.max(record.access_until, math.min(now + access, record.idle_until))
end

-- The fields that a caller may see, as JSON values. No digest is among them.
local function public(record)
  local values = { record.sid }
  for i = 1, PUBLIC do values[i + 1] = record[FIELDS[i]] end
  return values
end

local function described(record)
  return cjson.encode(public(record))
end

local function found(record)
  local values = {}
  for i = 1, PUBLIC do values[i] = record[FIELDS[i]] end
  return shown(record.sid, values, redis.call('GET', key('d', record.sid)))
end

local function more_recent(one, other)
  if one.last_seen ~= other.last_seen then return one.last_seen > other.last_seen end
  if one.created ~= other.created then return one.created > other.created end
  return one.sid < other.sid
end

-- The user's live records, most recently seen first. Takes dead members out of the index: those past
-- their idle end in bulk, at most TRIM of them, the others one by one as they are met.
local function live_of(user_id)
  local index, records = key('u', user_id), {}
  local dead = redis.call('ZCOUNT', index, '-inf', now)
  if dead > 0 then redis.call('ZREMRANGEBYRANK', index, 0, math.min(dead, TRIM) - 1) end
  for _, sid in ipairs(redis.call('ZRANGEBYSCORE', index, '(' .. now, '+inf')) do
    local record = find(sid)
    if record then
      records[#records + 1] = record
    else
      redis.call('ZREM', index, sid)
    end
  end
  table.sort(records, more_recent)
  return records
end

local function described_all(records)
  local all = {}
  for i, record in ipairs(records) do all[i] = public(record) end
  return cjson.encode(all)
end

local function recall(call)
  return redis.call('GET', key('r', call))
end

local function remember(call, answer)
  redis.call('SET', key('r', call), answer, 'PX', REPEATABLE)
end
