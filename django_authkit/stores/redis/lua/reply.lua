-- Prelude of every script about auth sessions: how a packed record is read, and the reply for a live one.

-- Positions in the packed array; `layout.py` writes what follows an @ from the fields of the record.
local VERSION, PRIVATE, BACKEND = 1, 2, @position_of_backend
local FIRST, LAST = @first_position, @last_position
-- The path that nearly every record has. It is packed as 0.
local STOCK_BACKEND = 'django.contrib.auth.backends.ModelBackend'

-- Return the array. One of a later layout cannot be read: the caller gets an error, not a wrong record.
local function unpacked(packed)
  local values = cmsgpack.unpack(packed)
  if values[VERSION] > @version then error('-TRYAGAIN The record was written by a later release. ') end
  return values
end

-- The reply for a record whose packed array is `values`: JSON of now, the Django session's data, the sid and
-- the public fields. It is one string, because clients decode replies of several parts in Python.
local function shown(sid, values, data)
  if values[BACKEND] == 0 then values[BACKEND] = STOCK_BACKEND end
  return cjson.encode({ now, data or '', sid, unpack(values, FIRST, LAST) })
end
