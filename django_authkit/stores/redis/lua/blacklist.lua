-- Prelude of every script about auth sessions: the list of what was revoked, or changed.
--
-- l  stream of {n, i, e}: some entries as JSON objects with commas between them, the number of the first of
--    them, and how many of the stream there were so far. An entry is {s, u}: sid and until when it matters;
--    {s, u, g}: the record of that sid was changed, and tokens of generations before g are not valid; {e}: an
--    epoch; or {p, u}: a user's id, and when all of theirs were revoked but those that the store was told to keep.
--    They are numbered without gaps, so that a reader sees if some were removed before it read them.
-- m  hash: began    when the list began; another list began at another time
--          birth    of tokens issued before, revocations may be missing
--          run      the run of the server in which the list began, or was continued without loss
--          window   the longest life of any access token issued so far
--          number   of the last entry
--          waiting  the last entries, if they are not in the stream yet
--          listed   how many entries of the stream there were so far
--          listed_at  when the last of them came
--          limit    most entries
--          latest   the latest time that a record was written with, whichever server's clock it was
--          buckets  how many there were at the first login: not part of the list, but this key stays

local LIMIT = 100000
-- Workers accept an expired token for some time (LEEWAY); an entry stays longer than that.
local SLACK = 120000
-- What comes within so many milliseconds is one entry of the stream, so that what all readers together are told
-- takes little of the server's time. Readers look at `waiting` too, so they learn of each no later.
local TOGETHER = 50
local MOST_BYTES = 2000

local function list_state(field)
  return redis.call('HGET', base .. ':m', field)
end

-- After a failover the clock may be behind the one that records and tokens were dated by.
local function latest_time()
  return tonumber(list_state('latest') or 0)
end

-- Tokens may live for `access` from now on.
local function widen_window(access)
  if access > tonumber(list_state('window') or 0) then redis.call('HSET', base .. ':m', 'window', access) end
end

-- Entries go when the last token that they could concern has expired. Too many at once: the older half
-- goes too, and of tokens issued before now the list does not know everything any more.
local function trim_list(number)
  local stream, window = base .. ':l', tonumber(list_state('window') or 0)
  redis.call('XTRIM', stream, 'MINID', '~', math.max(0, server_now - window - SLACK))
  local limit, oldest = tonumber(list_state('limit') or LIMIT), redis.call('XRANGE', stream, '-', '+', 'COUNT', 1)
  if number - oldest[1][2][2] + 1 > limit then
    redis.call('XTRIM', stream, 'MAXLEN', math.floor(redis.call('XLEN', stream) / 2))
    redis.call('HSET', base .. ':m', 'birth', server_now)
  end
end

-- Put what was waiting into the stream. What takes away comes first, so that this works on a full server too.
local function list_waiting(entries, number)
  redis.call('HDEL', base .. ':m', 'waiting')
  local listed = redis.call('HINCRBY', base .. ':m', 'listed', 1)
  local first = number - #cjson.decode('[' .. entries .. ']') + 1
  redis.call('XADD', base .. ':l', '*', 'n', first, 'i', listed, 'e', entries)
  redis.call('HSET', base .. ':m', 'listed_at', server_now)
  trim_list(number)
end

local function list_entry(...)
  local entry, given = {}, { ... }
  for i = 1, #given, 2 do entry[given[i]] = given[i + 1] end
  local number = redis.call('HINCRBY', base .. ':m', 'number', 1)
  local waiting, since = list_state('waiting'), server_now - (list_state('listed_at') or 0)
  local entries = (waiting and waiting .. ',' or '') .. cjson.encode(entry)
  if since >= 0 and since < TOGETHER and #entries < MOST_BYTES then
    redis.call('HSET', base .. ':m', 'waiting', entries)
  else
    list_waiting(entries, number)
  end
end

-- Whether an access token of the record may be live, or accepted within a leeway.
local function has_tokens(record)
  return record.access_until_ms + SLACK > now
end

local is_followed -- asked once in a script

-- Whether a process may remember the record: by the session key that it had before this step, and only where
-- there is a list to follow.
local function is_remembered(record)
  if not record.was or record.was.key_digest == '' then return false end
  if is_followed == nil then is_followed = list_state('birth') and true or false end
  return is_followed
end

local function list_record(record, ...)
  list_entry('s', record.sid, 'u', math.max(record.access_until_ms, now), ...)
end

local function list_revoked(record)
  if has_tokens(record) or is_remembered(record) then list_record(record) end
end

-- Something that a request may see was changed, other than when the auth session was used.
local function list_change(record)
  local renewed = record.was and record.least_generation ~= record.was.least_generation
  if renewed and has_tokens(record) or is_remembered(record) then
    list_record(record, 'g', math.max(record.least_generation, 1))
  end
end
