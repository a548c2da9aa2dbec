-- Replace the nonce of the live record's challenge, and note when its device first used the binding.
--
-- ARGV  2 sid, 3 present nonce, 4 the next one, which may be the same
-- Returns what `shown` does, 'superseded' or 'gone'.

local sid, presented, proposed = ARGV[2], ARGV[3], ARGV[4]

local record = find(sid)
if not record then return 'gone' end
local is_first, is_due = record.bound_ms == 0, record.device_nonce ~= proposed
if is_due and record.device_nonce ~= presented then return 'superseded' end
if is_first or is_due then
  record.device_nonce = proposed
  if is_first then record.bound_ms = now end
  save(record, not is_first)
end
return found(record)
