-- Prelude of a script whose writes replicas have to acknowledge: refuse before anything is written.
--
-- A replica that follows acknowledges every second. The write is for WAIT, which waits for what was written
-- on its own connection: without it, a repetition that finds its work done would wait for nothing.
--
-- w  written by each such script

local following = 0
for state in string.gmatch(redis.call('INFO', 'replication'), 'slave%d+:([^\r\n]+)') do
  local lag = tonumber(string.match(state, 'lag=(%d+)') or -1)
  if string.find(state, 'state=online', 1, true) and lag >= 0 and lag <= 2 then following = following + 1 end
end
if following < REPLICAS then
  return redis.error_reply('NOREPLICAS ' .. following .. ' of ' .. REPLICAS .. ' replicas follow closely.')
end
redis.call('SET', base .. ':w', 1)
