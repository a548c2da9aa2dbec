-- Move the epoch: all auth sessions that began before now are dead.
--
-- ARGV  2 an id unique to the call
-- Returns {that time}.
--
-- One past the former epoch at least, since a record made after that, in the same millisecond, was
-- dated there; and no earlier than any record. The first write takes away, so that this works on a full
-- server too.

local begun = tonumber(recall(ARGV[2]) or 0)
if begun == 0 then
  redis.call('UNLINK', base .. ':epoch')
  begun = math.max(now, epoch + 1, latest_time())
  remember(ARGV[2], begun)
  redis.call('SET', base .. ':epoch', begun)
  list_entry('e', begun)
end
return { begun }
