-- Prelude of every script about auth sessions: how a live record is answered.

local BACKEND, PUBLIC = 2, 16
-- The path that nearly every record has; packed as 0.
local STOCK_BACKEND = 'django.contrib.auth.backends.ModelBackend'

-- The answer for a record whose packed array is `values`: JSON of now, the Django session's data, and the
-- fields that a caller may see, the sid first. No digest is among them. It is one string, since clients take
-- replies of several parts to pieces in Python.
local function shown(sid, values, data)
  if values[BACKEND] == 0 then values[BACKEND] = STOCK_BACKEND end
  return cjson.encode({ now, data or '', sid, unpack(values, 1, PUBLIC) })
end
