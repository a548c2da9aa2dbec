-- Count the live ones of some records, by mode.
--
-- ARGV  2... sids
-- Returns {session, jwt}, each {how many, the latest idle end, the latest absolute end}

local live = { session = { 0, 0, 0 }, jwt = { 0, 0, 0 } }
for i = 2, #ARGV do
  local record = find(ARGV[i])
  if record then
    local of = live[record.mode]
    of[1], of[2], of[3] = of[1] + 1, math.max(of[2], record.idle_expires_ms), math.max(of[3], record.expires_ms)
  end
end
return { live.session, live.jwt }
