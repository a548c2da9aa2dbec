-- What a copy of the list begins with: all but the entries, which are read in pages.
-- Begins the list if there is none.
--
-- ARGV  2 most entries from now on
-- Returns {birth, window, epoch, number of the first entry there is, number of the last, the server's run}.
--
-- A server that was restarted, or took over from another, may have lost its latest writes: of tokens
-- issued before, the list does not know everything then. If entries were taken out of it (an eviction,
-- a command of somebody's), the list begins anew, because it is not known which ones.

if not string.find(redis.call('INFO', 'replication'), 'role:master', 1, true) then
  return redis.error_reply('READONLY A copy is made of the primary only.')
end

local state, stream = base .. ':m', base .. ':l'

local function number_of(entries)
  return entries[1] and tonumber(entries[1][2][2])
end

local number = tonumber(list_state('number') or 0)
local last = number_of(redis.call('XREVRANGE', stream, '+', '-', 'COUNT', 1)) or 0
local first = number_of(redis.call('XRANGE', stream, '-', '+', 'COUNT', 1)) or 1
if last ~= number or last - first + 1 ~= redis.call('XLEN', stream) then
  redis.call('UNLINK', stream)
  redis.call('HDEL', state, 'birth', 'number')
  first, number = 1, 0
end
local run = string.match(redis.call('INFO', 'server'), 'run_id:(%w+)')
if list_state('run') ~= run or not list_state('birth') then
  redis.call('HSET', state, 'run', run, 'birth', math.max(server_now, latest_time()))
end
if list_state('limit') ~= ARGV[2] then redis.call('HSET', state, 'limit', ARGV[2]) end
return { tonumber(list_state('birth')), tonumber(list_state('window') or 0), epoch, first, number, run }
