-- The rest of `touch`, where there is something to write.

local record = find(sid)
if changes_mode then record.mode = 'session' end
record.last_seen_ms, record.idle_expires_ms = now, idle_end(record, tonumber(ARGV[4]))
save(record, not changes_mode)
return found(record)
