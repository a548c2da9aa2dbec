-- Prelude of the scripts that each request waits for. Reads the live record: `sid`, `data` and `values`, its
-- packed array (see records.lua), which is nil if there is no live record.
--
-- It does not use the records prelude: to set that up takes longer than to reply to nearly every request, which
-- writes nothing.

local sid = ARGV[2]
local MODE, CREATED = @position_of_mode, @position_of_created_ms
local LAST_SEEN, IDLE_EXPIRES = @position_of_last_seen_ms, @position_of_idle_expires_ms
local KEY_DIGEST, REVOKE_REASON = @position_of_key_digest, @position_of_revoke_reason

local revoked_before, packed, data =
  unpack(redis.call('MGET', base .. ':epoch', key('s', sid), key('d', sid)))
local values = packed and unpacked(packed)
if
  values
  and (
    values[PRIVATE][REVOKE_REASON]
    or values[CREATED] <= tonumber(revoked_before or 0)
    or now >= values[IDLE_EXPIRES]
  )
then
  values = nil
end
