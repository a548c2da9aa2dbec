-- Prelude of every script: where its keys are, and what time it is.
--
-- KEYS[1]  <prefix>:{<bucket>}; every key that a script reads or writes begins with it, so that all
--          of them live in its hash slot. There is no key of that very name: see scripts.py.
-- ARGV[1]  milliseconds to add to the server's clock; 0 outside tests.

local base = KEYS[1]
local seconds_and_microseconds = redis.call('TIME')
local server_now = seconds_and_microseconds[1] * 1000 + math.floor(seconds_and_microseconds[2] / 1000)
local now = server_now + ARGV[1]

local function key(kind, id)
  return base .. ':' .. kind .. ':' .. id
end
