/**
 * Appends to one or more logs. A script that fails keeps what it wrote, so everything is looked at before the first write,
 * and the header of a log comes last: what stands behind its head was never committed, and the next commit cuts it off.
 * What a user may not do is found out before any header is written: by doing it, or by trying it on a log that is not there.
 *
 *     KEYS   the logs; then the feed, where there is one
 *     ARGV   1 all or nothing ('1')   2 with a feed: how long what the names of channels begin with is
 *            then for each log: its channel · the mark of what is expected ('' for no log) · that of the first record (''
 *            where it is the last one) · that of the last · the new head · the newest version that holds a whole state (''
 *            for none), in twelve digits · time to live ('' for none; 'k…' keeps one that is set, 'k' whatever is set) · how many records, and
 *            these
 *
 * Answers, one for each log: nil where it was written, '+' and the head that it made where it had been made before, '-'
 * and the head that is there (or nothing) where it conflicts, '?' and that head where it follows another one and was
 * trimmed away if it had been made before. Alone, the first of them.
 *
 * Of the header, see docs/formats/redis.md: 1–12 floor, 13–24 start, 25–36 checkpoint, 37 whether it has a time to live,
 * 38–67 born, 68–134 all that again, 135 a line feed, 136 the head, whose mark begins at 145.
 */
export const COMMIT = `
local KEYS, ARGV, call, sub = KEYS, ARGV, redis.call, string.sub
local feed = ARGV[2] ~= '' and KEYS[#KEYS]
local count = feed and #KEYS - 1 or #KEYS

local function earlier(key, header, a)
  local floor, newest = tonumber(sub(header, 1, 12)), tonumber(string.match(header, '^ (%d+) ', 145))
  local first = floor == 1 and 1 or floor + 1
  local function standing(mark)
    local version = tonumber(string.match(mark, '^ (%d+)'))
    if version < floor or not newest or version > newest then return false end
    local line = call('LINDEX', key, version == floor and floor > 1 and 2 or version - first + 3)
    return line and sub(line, 10, 9 + #mark) == mark and line
  end
  local function isTrimmed(mark) return tonumber(string.match(mark, '^ (%d+)')) < floor end
  local last = standing(ARGV[a + 3])
  if not last and not isTrimmed(ARGV[a + 3]) then return '-' end
  if isTrimmed(ARGV[a + 2] == '' and ARGV[a + 3] or ARGV[a + 2]) then return '?' end
  if ARGV[a + 2] ~= '' and not standing(ARGV[a + 2]) then return '-' end
  return '+' .. string.match(last, '^[^\\n]*')
end

-- How many elements there are behind the head; nil where some are missing.
local function surplus(key, header, mark)
  local floor, head = tonumber(sub(header, 1, 12)), tonumber(string.match(mark, '^ (%d+)'))
  if not floor then return nil end
  local count = call('LLEN', key) - (floor == 1 and head or head - floor) - 3
  return count >= 0 and count or nil
end

local function answer(key, header, a)
  local expected = ARGV[a + 1]
  if not header then return expected ~= '' and '-' end
  if sub(header, 135, 135) ~= '\\n' or sub(header, 1, 67) ~= sub(header, 68, 134) then return nil end
  if expected ~= '' and sub(header, 145, 144 + #expected) == expected then
    local more = surplus(key, header, expected)
    if more and more > 0 then call('LTRIM', key, 0, -1 - more) end
    return more and false
  end
  local told = earlier(key, header, a)
  return #told == 1 and told .. sub(header, 136) or told
end

local function push(key, from, last)
  for i = from, last, 500 do call('RPUSH', key, unpack(ARGV, i, math.min(i + 499, last))) end
end

local function expire(key, ttl, mortal)
  if ttl == '' then
    if mortal then call('PERSIST', key) end
  elseif sub(ttl, 1, 1) ~= 'k' then
    call('PEXPIRE', key, ttl)
  elseif ttl ~= 'k' and call('PTTL', key) < 0 then
    call('PEXPIRE', key, sub(ttl, 2))
  end
end

-- All that may be refused. Answers the entry of the feed.
local function prepare(key, header, a)
  local entry, ttl, size = '0', ARGV[a + 6], ARGV[a + 7]
  if feed then
    local mark = ARGV[a + 2] == '' and ARGV[a + 3] or ARGV[a + 2]
    local name = sub(ARGV[a], tonumber(ARGV[2]) + 1)
    entry = call('XADD', feed, '*', 'v', string.match(mark, '^ (%d+)'), 'n', size, 'k', name)
  end
  if not header then
    -- There is no log: this changes nothing.
    if ttl ~= '' and ttl ~= 'k' then call('PEXPIRE', key, 1) end
    return entry
  end
  if size == '1' then call('RPUSH', key, ARGV[a + 8]) else push(key, a + 8, a + 7 + tonumber(size)) end
  local mortal = sub(header, 37, 37) == '1'
  if mortal or ttl ~= '' then
    call('LSET', key, 0, header)
    expire(key, ttl, mortal)
  end
  return entry
end

local function change(key, header, a)
  local start, mortal = ARGV[a + 5], ARGV[a + 6] == '' and '0' or '1'
  if ARGV[a + 6] == 'k' then mortal = sub(header, 37, 37) end
  if start == '' then start = sub(header, 13, 24) end
  local facts = sub(header, 1, 12) .. start .. sub(header, 25, 36) .. mortal .. sub(header, 38, 67)
  call('LSET', key, 0, facts .. facts .. '\\n' .. ARGV[a + 4])
end

local function begin(key, entry, a)
  local start, ttl, last = ARGV[a + 5], ARGV[a + 6], a + 7 + tonumber(ARGV[a + 7])
  if start == '' then start = '000000000001' end
  local facts = '000000000001' .. start .. '000000000000' .. (ttl == '' and '0' or '1') .. string.format('%-30s', entry)
  local header = facts .. facts .. '\\n' .. ARGV[a + 4]
  call('RPUSH', key, header, '', '', unpack(ARGV, a + 8, math.min(a + 507, last)))
  push(key, a + 508, last)
  if ttl ~= '' then call('PEXPIRE', key, sub(ttl, 1, 1) == 'k' and sub(ttl, 2) or ttl) end
end

local function tell(a)
  redis.pcall('PUBLISH', ARGV[a], sub(ARGV[a + 4], 9))
end

if count == 1 then
  local key = KEYS[1]
  local header = call('LINDEX', key, 0)
  local told = answer(key, header, 3)
  if told == nil then return redis.error_reply('DGENTSDAMAGED 1') end
  if told then return told end
  local entry = prepare(key, header, 3)
  if header then change(key, header, 3) else begin(key, entry, 3) end
  tell(3)
  return false
end

local headers, answers, places = {}, {}, {}
local refused = false
local a = 3
for i = 1, count do
  headers[i], places[i] = call('LINDEX', KEYS[i], 0), a
  local told = answer(KEYS[i], headers[i], a)
  if told == nil then return redis.error_reply('DGENTSDAMAGED ' .. i) end
  if told and sub(told, 1, 1) ~= '+' then refused = true end
  answers[i] = told
  a = a + 8 + tonumber(ARGV[a + 7])
end
if refused and ARGV[1] == '1' then
  for i = 1, count do
    if not answers[i] then answers[i] = '-' .. (headers[i] and sub(headers[i], 136) or '') end
  end
  return answers
end
-- What is there goes first: who may change it may do all that beginning another takes.
local entries = {}
for i = 1, count do
  if not answers[i] then entries[i] = prepare(KEYS[i], headers[i], places[i]) end
end
for i = 1, count do
  if entries[i] and headers[i] then change(KEYS[i], headers[i], places[i]) end
end
for i = 1, count do
  if entries[i] then
    if not headers[i] then begin(KEYS[i], entries[i], places[i]) end
    tell(places[i])
  end
end
return answers
`;
