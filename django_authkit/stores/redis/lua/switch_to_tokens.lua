-- Give the live record with this session key a refresh token beside it.
--
-- ARGV  2 sid, 3 key digest, 4 proposed jti digest, 5 digest of the jti that the client has or '',
--       6 1 if an older refresh token may be superseded, 7 access
-- Returns {'switched', shown}, {'held', shown}, {'kept'} or {'gone'}.

local sid, key_digest, proposed, held = ARGV[2], ARGV[3], ARGV[4], ARGV[5]
local advance, access = ARGV[6] == '1', tonumber(ARGV[7])

local record = find(sid)
if not record or record.key_digest ~= key_digest then return { 'gone' } end

local outcome = 'switched'
if record.jti_digest ~= '' and record.jti_digest == held then
  outcome = 'held'
elseif record.jti_digest ~= proposed then
  if record.mode ~= 'session' or not (advance or record.generation == 0) then return { 'kept' } end
  record.previous_digest, record.jti_digest = record.jti_digest, proposed
  record.generation, record.rotated_ms = record.generation + 1, now
  record.sealed = nil
end
record.mode = 'jwt'
expect_access(record, access)
save(record)
return { outcome, found(record) }
