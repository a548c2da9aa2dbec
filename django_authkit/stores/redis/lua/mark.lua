-- Mark a key.
--
-- k:<key>  the end of the mark
-- ARGV     2 key, 3 lifetime

redis.call('SET', key('k', ARGV[2]), now + ARGV[3], 'PX', ARGV[3])
return 1
