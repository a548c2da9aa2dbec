-- The rest of `touch`, where there is something to write.

local record = find(sid)
if settles then record.mode = 'session' end
record.last_seen, record.idle_until = now, idle_end(record, tonumber(ARGV[4]))
save(record)
return found(record)
