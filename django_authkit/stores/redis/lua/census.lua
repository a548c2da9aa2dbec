-- Count the live ones of some records, by mode.
--
-- ARGV  2... sids
-- Returns {session, jwt}

local live = { session = 0, jwt = 0 }
for i = 2, #ARGV do
  local record = find(ARGV[i])
  if record then live[record.mode] = live[record.mode] + 1 end
end
return { live.session, live.jwt }
