-- What the list of what was revoked has come to. Runs without preludes, and writes nothing.
--
-- Returns {birth, window, number, now}, where now is the server's clock in milliseconds. The birth is 0 where the list cannot be followed: it is not there, the
-- server was started again since (a client may have connected anew without a word), or it is no primary.

local birth, window, number, run = unpack(
  redis.call('HMGET', KEYS[1] .. ':m', 'birth', 'window', 'number', 'run')
)
local primary = string.find(redis.call('INFO', 'replication'), 'role:master', 1, true)
local same = run == string.match(redis.call('INFO', 'server'), 'run_id:(%w+)')
return { primary and same and tonumber(birth or 0) or 0, tonumber(window or 0), tonumber(number or 0), redis.call('TIME')[1] * 1000 }
