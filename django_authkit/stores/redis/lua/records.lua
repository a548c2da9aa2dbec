-- Prelude of every script about auth sessions: how a record is read, written and revoked.
--
-- s:<sid>      the record, a packed array {version, {private fields}, public fields...}
-- d:<sid>      Django session data; no key when there is none
-- u:<user_id>  sorted set of the user's sids by idle end
-- r:<call>     the reply of a call that cannot be computed again, for when that call is repeated
-- e:<user_id>  the user's epoch, a packed array {floor, latest, hash, began}: records written before `floor` are
--              dead, those written before `latest` too, unless they have the session auth hash, and those created
--              up to `began`, where the server had lost a revocation
-- x:<call>     the user's index as it was at a call that moved the epoch: what `name_revoked` has not named yet
-- epoch        auth sessions created up to then are dead
--
-- A revoked record stays for a while with `revoke_reason` set: its sid is taken, and a repeated call gets the
-- same reply as the first time.
--
-- The names of the fields are those of `types.AuthSession` and of `layout.py`. Later releases add fields at the
-- end of either array. This release keeps the ones that it does not know; a field that an earlier release did
-- not write has its default.

local PUBLIC_FIELDS = { @public_fields }
local PRIVATE_FIELDS = { @private_fields }
local DEFAULTS = { @defaults }
local REPEATABLE = 60000
local TRIM = 1000

local epoch = tonumber(redis.call('GET', base .. ':epoch') or 0)

local function with_defaults(record)
  for field, default in pairs(DEFAULTS) do
    if record[field] == nil then record[field] = default end
  end
  return record
end

-- The record whose packed array is `values`; `was` is what the list of changes has to know of it later.
local function record_of(sid, values)
  local record = { sid = sid, values = values }
  for i, field in ipairs(PRIVATE_FIELDS) do record[field] = values[PRIVATE][i] end
  -- An empty digest was packed as false, or not at all.
  for _, field in ipairs({ 'key_digest', 'jti_digest', 'previous_digest' }) do record[field] = record[field] or '' end
  for i, field in ipairs(PUBLIC_FIELDS) do record[field] = values[FIRST + i - 1] end
  record = with_defaults(record)
  record.was = { key_digest = record.key_digest, least_generation = record.least_generation }
  return record
end

local function read(sid)
  local packed = redis.call('GET', key('s', sid))
  return packed and record_of(sid, unpacked(packed)) or nil
end

local function alive(record)
  return is_live(record.values, epoch, epoch_of(record.user_id))
end

local function find(sid)
  local record = read(sid)
  return record and alive(record) and record or nil
end

-- Whether the record is bound to the device of a browser, which has used the binding for longer than `unproved`
-- milliseconds, -1 for ever. A header client proves itself with each request.
local function is_unproved(record, unproved)
  local is_browser = record.device_nonce ~= ''
  return is_browser and unproved >= 0 and record.bound_ms ~= 0 and now >= record.bound_ms + unproved
end

-- An address as `unpacked` reads it: bytes, if the same text can be made of them.
local function short_address(address)
  local groups = {}
  for digits in address:gmatch('%x+') do groups[#groups + 1] = tonumber(digits, 16) end
  if #groups ~= 8 then return address end
  local bytes = HEX .. struct.pack('>HHHHHHHH', unpack(groups))
  return address_of(bytes) == address and bytes or address
end

-- The array `values` as `unpacked` reads it.
local function packed_of(values)
  local short, hash, created = { unpack(values) }, values[AUTH_HASH], values[CREATED]
  for at, value in pairs(USUAL) do
    if cmsgpack.pack(values[at]) == cmsgpack.pack(value) then short[at] = 0 end
  end
  short[ADDRESS] = short_address(values[ADDRESS])
  if #hash % 2 == 0 and #hash < 256 and hash:match('^%x+$') == hash:lower() then
    short[AUTH_HASH] = HEX .. hash:gsub('%x%x', function(digits) return string.char(tonumber(digits, 16)) end)
  end
  for _, at in ipairs(TIMES) do
    if values[at] then short[at] = values[at] ~= 0 and values[at] - created end
  end
  return cmsgpack.pack(short)
end

-- Private fields that are nil or empty are packed as false, or not at all at the end: an array with a gap would be
-- packed as a map.
local function put(record, lifetime)
  local values = record.values or { @version, {} }
  local private = values[PRIVATE]
  for i, field in ipairs(PRIVATE_FIELDS) do private[i] = record[field] ~= '' and record[field] or false end
  while private[#private] == false do private[#private] = nil end
  for i, field in ipairs(PUBLIC_FIELDS) do values[FIRST + i - 1] = record[field] end
  for i = #PUBLIC_FIELDS, 1, -1 do -- defaults at the end take no space
    local at, field = FIRST + i - 1, PUBLIC_FIELDS[i]
    if table.maxn(values) > at or record[field] ~= DEFAULTS[field] then break end
    values[at] = nil
  end
  values[VERSION] = @version
  redis.call('SET', key('s', record.sid), packed_of(values), 'PX', lifetime)
end

local is_dated = false -- `latest` is noted once in a script, in which `now` does not change

-- Write a live record, its place in the index and the time when their space is reclaimed. The change is listed,
-- unless it is one that no request sees or only `slides` the idle end.
local function save(record, slides)
  local of_user = epoch_of(record.user_id)
  record.user_epoch = of_user and (of_user[2] or of_user[1]) or nil
  local lifetime = math.max(1, record.idle_expires_ms - now)
  local index = key('u', record.user_id)
  put(record, lifetime)
  if not is_dated and now > latest_time() then redis.call('HSET', base .. ':m', 'latest', now) end
  is_dated = true
  redis.call('PEXPIRE', key('d', record.sid), lifetime)
  redis.call('ZADD', index, record.idle_expires_ms, record.sid)
  if redis.call('PTTL', index) < lifetime then redis.call('PEXPIRE', index, lifetime) end
  if not slides then list_change(record) end
end

-- Revoke a live record. `call` is an id of the call that revokes it.
-- A server whose memory is full refuses a command that adds data only if it is the first write of a script.
-- So the commands that delete come first, and revocation works on a full server too.
local function revoke(record, reason, call)
  record.revoke_reason, record.revoked_ms, record.revoked_by = reason, now, call
  record.sealed = nil
  redis.call('UNLINK', key('d', record.sid))
  redis.call('ZREM', key('u', record.user_id), record.sid)
  put(record, math.max(REPEATABLE, record.access_until_ms - now))
  list_revoked(record)
end

-- Revoke all live records of a user, except those with the session auth hash `keep_hash`, if that is given.
-- However many there are, this only moves the user's epoch and sets the index aside under the id of the call.
local function revoke_all_of(user_id, call, keep_hash)
  local index, epoch_key = key('u', user_id), key('e', user_id)
  -- The epoch lasts as long as any record that it revokes.
  local lifetime = math.max(REPEATABLE, redis.call('PTTL', index), redis.call('PTTL', epoch_key))
  local floor, latest, hash, began = unpack(epoch_of(user_id) or { 0 })
  latest = latest or floor
  local moved = math.max(now, latest + 1, latest_time()) -- no earlier than any of the user's tokens
  local same_hash = keep_hash and hash == keep_hash
  redis.call('UNLINK', epoch_key) -- the first write takes away, so that this works on a full server too
  local of_user = keep_hash and { same_hash and floor or latest, moved, keep_hash, began } or { moved }
  redis.call('SET', epoch_key, cmsgpack.pack(of_user), 'PX', lifetime)
  if redis.call('EXISTS', index) == 1 then redis.call('RENAME', index, key('x', call)) end
  list_entry('p', user_id, 'u', moved)
end

-- How many of those records `name_revoked` has still to name.
local function unnamed(call)
  return redis.call('ZCARD', key('x', call))
end

-- The idle end after activity now: never past the record's own idle timeouts or its absolute end.
local function idle_end(record, idle)
  local own = record.idle_timeout > 0 and record.idle_timeout or idle
  return math.min(now + math.min(idle, own, record.idle_limit_ms or idle), record.expires_ms)
end

-- An access token that lives for `access` is about to be issued.
local function expect_access(record, access)
  widen_window(access)
  record.access_until_ms = math.max(record.access_until_ms, math.min(now + access, record.idle_expires_ms))
end

-- The sid and the public fields, for JSON.
local function public(record)
  local values = { record.sid }
  for i, field in ipairs(PUBLIC_FIELDS) do values[i + 1] = record[field] end
  return values
end

local function described(record)
  return cjson.encode(public(record))
end

local function found(record)
  local values = {}
  for i, field in ipairs(PUBLIC_FIELDS) do values[FIRST + i - 1] = record[field] end
  return shown(record.sid, values, redis.call('GET', key('d', record.sid)))
end

-- How many of the user's auth sessions are in the index and not past their idle end. Removes those that are,
-- at most TRIM of them.
local function count_of(user_id)
  local index = key('u', user_id)
  local expired = redis.call('ZCOUNT', index, '-inf', now)
  if expired > 0 then redis.call('ZREMRANGEBYRANK', index, 0, math.min(expired, TRIM) - 1) end
  return redis.call('ZCOUNT', index, '(' .. now, '+inf')
end

-- The live ones of `sids`, as {sid, packed array}; and how many of them were dead, which are removed from the
-- user's index.
local function live_of(user_id, sids)
  if #sids == 0 then return {}, 0 end
  local keys, live, dead, of_user = {}, {}, {}, epoch_of(user_id)
  for i, sid in ipairs(sids) do keys[i] = key('s', sid) end
  for i, packed in ipairs(redis.call('MGET', unpack(keys))) do
    local values = packed and unpacked(packed)
    if values and is_live(values, epoch, of_user) then
      live[#live + 1] = { sids[i], values }
    else
      dead[#dead + 1] = sids[i]
    end
  end
  if #dead > 0 then redis.call('ZREM', key('u', user_id), unpack(dead)) end
  return live, #dead
end

local function more_recent(one, other)
  for _, position in ipairs({ LAST_SEEN, CREATED }) do
    if one[2][position] ~= other[2][position] then return one[2][position] > other[2][position] end
  end
  return one[1] < other[1]
end

-- The records that `live_of` found, described.
local function described_live(live)
  local all = {}
  for i, each in ipairs(live) do
    all[i] = { each[1], unpack(each[2], FIRST, LAST) }
  end
  return cjson.encode(all)
end

local function described_all(records)
  local all = {}
  for i, record in ipairs(records) do all[i] = public(record) end
  return cjson.encode(all)
end

local function recall(call)
  return redis.call('GET', key('r', call))
end

local function remember(call, reply)
  redis.call('SET', key('r', call), reply, 'PX', REPEATABLE)
end
