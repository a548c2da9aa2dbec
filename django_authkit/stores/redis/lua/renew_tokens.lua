-- Give the live record another refresh token than it has, and another session auth hash. Its session key, and
-- all tokens that were issued before, stop working.
--
-- ARGV  2 sid, 3 auth hash, 4 proposed jti digest, 5 access
-- Returns what `shown` does, or 'gone'.

local sid, auth_hash, proposed, access = ARGV[2], ARGV[3], ARGV[4], tonumber(ARGV[5])

local record = find(sid)
if not record then return 'gone' end
if record.jti_digest == proposed then return found(record) end
record.previous_digest, record.jti_digest, record.key_digest = record.jti_digest, proposed, ''
record.generation, record.rotated_ms = record.generation + 1, now
record.auth_hash, record.mode, record.sealed = auth_hash, 'jwt', nil
record.least_generation = record.generation
expect_access(record, access)
save(record)
return found(record)
