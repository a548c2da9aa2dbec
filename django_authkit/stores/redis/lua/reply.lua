-- Prelude of every script about auth sessions: how a packed record is read, and the reply for a live one.

-- Positions in the packed array; `layout.py` writes what follows an @ from the fields of the record.
local VERSION, PRIVATE = 1, 2
local BACKEND, AUTH_HASH = @position_of_backend, @position_of_auth_hash
local MODE, AMR, ADDRESS = @position_of_mode, @position_of_amr, @position_of_address
local FIRST, LAST = @first_position, @last_position
local CREATED, LAST_SEEN = @position_of_created_ms, @position_of_last_seen_ms
local IDLE_EXPIRES, REVOKE_REASON = @position_of_idle_expires_ms, @position_of_revoke_reason
local USER_ID, USER_EPOCH = @position_of_user_id, @position_of_user_epoch
-- What nearly every record has at these positions. It is packed as 0.
local USUAL = { [BACKEND] = '@stock_backend', [MODE] = 'session', [AMR] = { 'pwd' } }
-- The positions of times, which are packed as milliseconds since the record was created, or as false for 0.
local TIMES = { @positions_of_times }
-- Hexadecimal digits that are packed as bytes begin with this one, which no text does.
local HEX = '\255'

-- The text of the 16 bytes of an IPv6 address that follow HEX, without the short form of zeros.
local function address_of(bytes)
  return ('%x:%x:%x:%x:%x:%x:%x:%x'):format(struct.unpack('>HHHHHHHH', bytes, 2))
end

-- Return the array, with each value in full. One of a later layout cannot be read: the caller gets an error, not
-- a wrong record.
local function unpacked(packed)
  local values = cmsgpack.unpack(packed)
  if values[VERSION] > @version then error('-TRYAGAIN The record was written by a later release. ') end
  for at, value in pairs(USUAL) do
    if values[at] == 0 then values[at] = value end
  end
  local hash, address, created = values[AUTH_HASH], values[ADDRESS], values[CREATED]
  if hash:sub(1, 1) == HEX then values[AUTH_HASH] = ('%02x'):rep(#hash - 1):format(hash:byte(2, -1)) end
  if address:sub(1, 1) == HEX then values[ADDRESS] = address_of(address) end
  for _, at in ipairs(TIMES) do
    local since = values[at]
    if since ~= nil then values[at] = since and created + since or 0 end
  end
  return values
end

-- The user's epoch, if one of the last weeks revoked something: see revoke_user.lua.
local function epoch_of(user_id)
  local packed = redis.call('GET', key('e', user_id))
  return packed and cmsgpack.unpack(packed)
end

-- Tell whether the record whose packed array is `values` is live. Up to `revoked_before` all were revoked;
-- `of_user` is the user's epoch, if there is one.
local function is_live(values, revoked_before, of_user)
  local private = values[PRIVATE]
  if private[REVOKE_REASON] or values[CREATED] <= revoked_before or now >= values[IDLE_EXPIRES] then return false end
  if not of_user then return true end
  local written, floor, latest, hash, began = private[USER_EPOCH] or 0, unpack(of_user)
  if values[CREATED] <= (began or 0) then return false end
  return written >= floor and (not latest or written >= latest or values[AUTH_HASH] == hash)
end

-- The reply for a record whose packed array is `values`: JSON of now, the Django session's data, the sid and
-- the public fields. It is one string, because clients decode replies of several parts in Python.
local function shown(sid, values, data)
  return cjson.encode({ now, data or '', sid, unpack(values, FIRST, LAST) })
end
