-- Prelude of the scripts that each request waits for. Reads the live record: `sid`, `data` and `values`, its
-- packed array (see records.lua), which is nil if there is no live record.
--
-- It does not use the records prelude: to set that up takes longer than the reply to a request that writes
-- nothing, as nearly all do.

local sid = ARGV[2]
local KEY_DIGEST = @position_of_key_digest

local revoked_before, packed, data =
  unpack(redis.call('MGET', base .. ':epoch', key('s', sid), key('d', sid)))
local values = packed and unpacked(packed)
if values and not is_live(values, tonumber(revoked_before or 0), epoch_of(values[USER_ID])) then values = nil end
