-- Give the live record a new session key.
--
-- ARGV  2 sid, 3 digest of the present key or '' for none, 4 digest of the new one,
--       5 1 if the user has just authenticated again, 6 the new auth hash or '' for the same
-- Returns what `shown` does, 'superseded' or 'gone'.

local sid, presented, replacement, reauthenticated = ARGV[2], ARGV[3], ARGV[4], ARGV[5] == '1'

local record = find(sid)
if not record then return 'gone' end
if record.key_digest == replacement then return found(record) end
if record.key_digest ~= presented then return 'superseded' end
record.key_digest, record.mode = replacement, 'session'
if presented ~= '' then -- the tokens were not renewed: they are dead
  record.jti_digest, record.previous_digest, record.sealed = '', '', nil
  if record.generation > 0 then record.least_generation = record.generation + 1 end
end
if reauthenticated then record.auth_time_ms = now end
if ARGV[6] ~= '' then record.auth_hash = ARGV[6] end
save(record)
return found(record)
