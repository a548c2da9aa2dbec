-- Count one attempt in each counter, if all of them allow it.
--
-- h:<key>  a packed array of hits, the end of the window, and the limit
-- k:<key>  the end of a mark: until then the counters that name it do not apply
-- ARGV     from 2 on, four for each counter: key, limit, window, and the key of a mark or ''
-- Returns 0, or the milliseconds until all of them will allow one; and 1 if a mark exempted from one of them.

local counted, wait, any_exempt = {}, 0, 0

for i = 2, #ARGV, 4 do
  local marked_until = ARGV[i + 3] ~= '' and redis.call('GET', key('k', ARGV[i + 3]))
  local exempt = marked_until and now < tonumber(marked_until)
  if exempt then
    any_exempt = 1
  else
    local counter, limit, window = key('h', ARGV[i]), tonumber(ARGV[i + 1]), tonumber(ARGV[i + 2])
    local hits, ends = 0, now + window
    local packed = redis.call('GET', counter)
    if packed then
      local so_far, present_end = unpack(cmsgpack.unpack(packed))
      if now < present_end then hits, ends = so_far, present_end end
    end
    if hits >= limit then wait = math.max(wait, ends - now) end
    counted[#counted + 1] = { counter, cmsgpack.pack({ hits + 1, ends, limit }), ends - now }
  end
end

if wait > 0 then return { wait, any_exempt } end
for _, each in ipairs(counted) do redis.call('SET', each[1], each[2], 'PX', each[3]) end
return { 0, any_exempt }
