-- Prelude of the scripts that each request waits for: the live record as it lies there, with `sid`, `data` and
-- `values`, its packed array in the order of FIELDS in records.lua; no `values` if there is none.
--
-- It comes before the prelude that knows all about records: to set that up takes longer than to answer nearly
-- every request, for which nothing is to be written.

local sid = ARGV[2]
local MODE, CREATED, LAST_SEEN, IDLE_UNTIL, KEY, ENDED = 4, 9, 11, 12, 17, 21

local revoked_before, packed, data =
  unpack(redis.call('MGET', base .. ':epoch', key('s', sid), key('d', sid)))
local values = packed and cmsgpack.unpack(packed)
if
  values
  and (values[ENDED] or values[CREATED] <= tonumber(revoked_before or 0) or now >= values[IDLE_UNTIL])
then
  values = nil
end
