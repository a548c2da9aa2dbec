-- Give the live record whose current refresh token is known a session key beside it.
--
-- ARGV  2 sid, 3 digest of the current jti, 4 its generation, 5 digest of the proposed key, 6 idle,
--       7 for how long after its first use the binding needs no proof, -1 for ever
-- Returns {'switched', shown}, {'unproved', shown}, {'kept'} or {'gone'}.

local sid, jti, generation, proposed = ARGV[2], ARGV[3], tonumber(ARGV[4]), ARGV[5]
local idle, unproved = tonumber(ARGV[6]), tonumber(ARGV[7])

local record = find(sid)
if not record then return { 'gone' } end
if record.jti_digest ~= jti or record.generation ~= generation then return { 'kept' } end
if is_unproved(record, unproved) then return { 'unproved', found(record) } end
if record.key_digest ~= proposed then
  if record.mode ~= 'jwt' then return { 'kept' } end
  record.key_digest = proposed
end
record.mode, record.last_seen_ms, record.idle_expires_ms = 'session', now, idle_end(record, idle)
save(record)
return { 'switched', found(record) }
