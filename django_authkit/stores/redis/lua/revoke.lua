-- Revoke the live record.
--
-- ARGV  2 sid, 3 reason, 4 the session key's digest or '' for any, 5 an id unique to the call
-- Returns the revoked session, or '' when it was not live.

local sid, reason, key_digest, call = ARGV[2], ARGV[3], ARGV[4], ARGV[5]

local record = read(sid)
if not record then return '' end
if record.revoked_by == call then return described(record) end
if not alive(record) then return '' end
if key_digest ~= '' and record.key_digest ~= key_digest then return '' end
revoke(record, reason, call)
return described(record)
