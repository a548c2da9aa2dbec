-- What a copy of the list begins with: all but the entries, which are read in pages.
-- Begins the list if there is none, and puts all entries into the stream.
--
-- ARGV  2 most entries from now on
-- Returns {began, birth, window, epoch, number of the first entry there is, number of the last, the server's run}.
--
-- A server that was restarted, or took over from another, may have lost its latest writes: of tokens
-- issued before, the list does not know everything then. If entries were taken out of it (an eviction,
-- a command of somebody's), the list begins anew, because it is not known which ones.

if not string.find(redis.call('INFO', 'replication'), 'role:master', 1, true) then
  return redis.error_reply('READONLY A copy is made of the primary only.')
end

local state, stream = base .. ':m', base .. ':l'
local number = tonumber(list_state('number') or 0)
local waiting = list_state('waiting')
if waiting then list_waiting(waiting, number) end

-- Of what XRANGE or XREVRANGE returns: the number of the first entry, and how many of the stream there were.
local function read(found)
  local fields = found[1] and found[1][2] or { 'n', 1, 'i', 0 }
  return tonumber(fields[2]), tonumber(fields[4])
end

local _, last = read(redis.call('XREVRANGE', stream, '+', '-', 'COUNT', 1))
local first, oldest = read(redis.call('XRANGE', stream, '-', '+', 'COUNT', 1))
local missing = last - math.max(oldest, 1) + 1 - redis.call('XLEN', stream)
if last ~= tonumber(list_state('listed') or 0) or missing ~= 0 then
  redis.call('UNLINK', stream)
  redis.call('HDEL', state, 'began', 'number', 'listed')
  first, number = 1, 0
end
local run = string.match(redis.call('INFO', 'server'), 'run_id:(%w+)')
if list_state('run') ~= run or not list_state('began') then
  local birth = math.max(server_now, latest_time())
  redis.call('HSET', state, 'run', run, 'birth', birth, 'began', birth)
end
if list_state('limit') ~= ARGV[2] then redis.call('HSET', state, 'limit', ARGV[2]) end
local began, birth = tonumber(list_state('began')), tonumber(list_state('birth'))
return { began, birth, tonumber(list_state('window') or 0), epoch, first, number, run }
