-- Move the epoch: all auth sessions that began before now are dead.
--
-- ARGV  2 an id unique to the call
--
-- One past the former epoch at least, since a record made after that, in the same millisecond, was
-- dated there; and no earlier than any record. The first write takes away, so that this works on a full
-- server too.

if not recall(ARGV[2]) then
  redis.call('UNLINK', base .. ':epoch')
  remember(ARGV[2], 1)
  local begun = math.max(now, epoch + 1, latest_time())
  redis.call('SET', base .. ':epoch', begun)
  list_entry('e', begun)
end
return 1
