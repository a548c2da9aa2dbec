-- Read the whole list of what was revoked. Begins it if there is none.
--
-- ARGV  2 most entries from now on
-- Returns {birth, window, epoch, number, position, {entry id, {field, value, ...}}...}.
--
-- A server that was restarted, or took over from another, may have lost its latest writes: of tokens
-- issued before, the list does not know everything then.

local state = base .. ':m'
local run = string.match(redis.call('INFO', 'server'), 'run_id:(%w+)')
if list_state('run') ~= run or not list_state('birth') then
  redis.call('HSET', state, 'run', run, 'birth', server_now)
end
redis.call('HSET', state, 'limit', ARGV[2])
local entries = redis.call('XRANGE', base .. ':l', '-', '+')
local position = #entries > 0 and entries[#entries][1] or '0-0'
return {
  tonumber(list_state('birth')), tonumber(list_state('window') or 0), epoch,
  tonumber(list_state('number') or 0), position, entries,
}
