-- Count the live ones of some records, by mode.
--
-- ARGV  2... sids
-- Returns {session, jwt, bound}: of each mode {how many, the latest idle end, the latest absolute end}; bound is
-- {how many a browser has bound to its device, how many are bound to the key of a header client}

local live = { session = { 0, 0, 0 }, jwt = { 0, 0, 0 } }
local by_browser, by_header = 0, 0
for i = 2, #ARGV do
  local record = find(ARGV[i])
  if record then
    local of = live[record.mode]
    of[1], of[2], of[3] = of[1] + 1, math.max(of[2], record.idle_expires_ms), math.max(of[3], record.expires_ms)
    if record.bound_ms ~= 0 then
      if record.device_nonce ~= '' then by_browser = by_browser + 1 else by_header = by_header + 1 end
    end
  end
end
return { live.session, live.jwt, { by_browser, by_header } }
