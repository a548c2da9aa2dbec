-- Note the public key of the device that the live record is bound to, unless its device uses the binding already.
--
-- ARGV  2 sid, 3 public key, 4 nonce of the first challenge
-- Returns what `shown` does, 'superseded' or 'gone'.

local record = find(ARGV[2])
if not record then return 'gone' end
if record.device_nonce == ARGV[4] then return found(record) end
if record.bound_ms ~= 0 then return 'superseded' end
record.device_key, record.device_nonce = ARGV[3], ARGV[4]
save(record)
return found(record)
