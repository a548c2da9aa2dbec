-- Read the live record with this session key, and record activity when that is due.
--
-- ARGV  2 sid, 3 key digest, 4 idle, 5 interval, 6 1 if session keys are what it is issued,
--       7 the key of its device that the request proves, 8 1 if it has the bound cookie, or none is asked for
-- Returns what `shown` does, 'superseded' or 'gone'.

local DEVICE_KEY, DEVICE_NONCE = @position_of_device_key, @position_of_device_nonce
local BOUND = @position_of_bound_ms

if not values then return 'gone' end
if values[PRIVATE][KEY_DIGEST] ~= ARGV[3] then return 'superseded' end
local changes_mode = ARGV[6] == '1' and values[MODE] ~= 'session'
if not changes_mode and now - values[LAST_SEEN] < tonumber(ARGV[5]) then return shown(sid, values, data) end
local device = values[DEVICE_KEY] or ''
if device ~= '' then -- the use by another device is refused, and is no activity
  local has_cookie = ARGV[8] == '1' or (values[BOUND] or 0) == 0
  local is_own = ARGV[7] == device
  if (values[DEVICE_NONCE] or '') ~= '' then is_own = has_cookie end
  if not is_own then return shown(sid, values, data) end
end
