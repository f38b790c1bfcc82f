/** A script holds the server ten times as long over a record as LRANGE does: for so many another round trip costs less. */
const MANY = 128;

/** With so many bytes an answer ends, if it holds a record: a server does nothing else meanwhile, and a client has to hold it. */
export const PAGE_BYTES = 2 ** 22;

/** What all of them begin with. */
const LOG = `
local key = KEYS[1]
local header = redis.call('LINDEX', key, 0)
if not header then return false end
local head = string.match(header, '^ (%d+) ', 145)
if not head or string.sub(header, 1, 67) ~= string.sub(header, 68, 134) then return {header} end
local floor, start, checkpoint = tonumber(string.sub(header, 1, 12)), tonumber(string.sub(header, 13, 24)), tonumber(string.sub(header, 25, 36))
head = tonumber(head)
if not floor or not start or not checkpoint then return {header} end
local first = floor == 1 and 1 or floor + 1

local function stretch(from, to)
  if to < from then return {} end
  return redis.call('LRANGE', key, from - first + 3, to - first + 3)
end

-- As many records as the bytes allow, in the order of reading: in pieces, since nobody knows how large the next ones are.
local function gathered(from, to, backwards)
  local lines, bytes, size = {}, 0, 1
  while from <= to and bytes < ${PAGE_BYTES} do
    local piece = backwards and stretch(math.max(from, to - size + 1), to) or stretch(from, math.min(to, from + size - 1))
    local count, before = #piece, bytes
    if count == 0 then break end
    for i = 1, count do
      local line = piece[backwards and count + 1 - i or i]
      lines[#lines + 1] = line
      bytes = bytes + #line
    end
    if backwards then to = to - size else from = from + size end
    local fitting = math.floor((${PAGE_BYTES} - bytes) * count / math.max(1, bytes - before))
    size = math.max(1, math.min(size * 4, 32, fitting))
  end
  return lines
end

-- Looks at records from the newest on, until \`is\` holds of one: answers its version; else nil, and where to go on.
-- None of it leaves the server, which does nothing else meanwhile: so this ends with the bytes of a page, too.
local function sought(from, to, is)
  local bytes, size = 0, 1
  while to >= from and bytes < ${PAGE_BYTES} do
    local low, before = math.max(from, to - size + 1), bytes
    local piece = stretch(low, to)
    for i = #piece, 1, -1 do
      bytes = bytes + #piece[i]
      if is(piece[i], low + i - 1) then return low + i - 1 end
    end
    to = low - 1
    local fitting = math.floor((${PAGE_BYTES} - bytes) * #piece / math.max(1, bytes - before))
    size = math.max(1, math.min(size * 4, ${MANY}, fitting))
  end
  return nil, to
end
`;

/**
 * The head, a place to begin at, and the records behind it.
 *
 *     KEYS   the log
 *     ARGV   1 and 2: version and mark of what the reader has ('' for nothing)   3 as of which version ('' for all)
 *            4 at most how many records   5 from where on downwards to look for a whole state ('' for the newest)   6 all at
 *            this moment, however many ('1')
 *
 * Answers nil where there is no log; else the header, how the log relates to what the reader has (s same, t trimmed,
 * d diverged; c: that version is no longer kept; g: no whole state was found so far, followed by 5 to go on with), the
 * checkpoint or base to begin at (or ''), and the records, as far as the bytes of a page go: where they are many, the index of the first of them, to be asked for without a script, and the size of
 * the larger one of the first and the last.
 * The header alone says that nothing has changed.
 */
export const READ = `
local known = ARGV[2]
if known ~= '' then
  local header = redis.call('LINDEX', KEYS[1], 0)
  if not header then return false end
  if string.sub(header, 145, 144 + #known) == known then return header end
end
${LOG}
local after, limit = tonumber(ARGV[1]), tonumber(ARGV[4])
local function unless_many(from, to)
  if ARGV[6] == '1' or to - from < ${MANY} then return gathered(from, to) end
  local there, last = from - first + 3, to - first + 3
  return there .. ' ' .. math.max(#(redis.call('LINDEX', key, there) or ''), #(redis.call('LINDEX', key, last) or ''))
end
local last = math.min(tonumber(ARGV[3]) or head, head)
local since = 's'
if after then
  since = 'd'
  if after < floor then
    since = 't'
  elseif after < head then
    local there = after == floor and floor > 1 and 2 or after - first + 3
    local line = redis.call('LINDEX', key, there)
    if line and string.sub(line, 10, 9 + #known) == known then
      return {header, 's', '', unless_many(after + 1, math.min(last, after + limit))}
    end
  end
end
if last < floor then return {header, 'c'} end

local from, point = false, ''
if checkpoint > start and checkpoint <= last then
  from, point = checkpoint + 1, redis.call('LINDEX', key, 1)
elseif start <= last then
  if start >= first then from = start else from, point = first, redis.call('LINDEX', key, 2) end
else
  local oldest = first
  if checkpoint > 0 and checkpoint <= last then
    oldest = checkpoint + 1
    from, point = oldest, redis.call('LINDEX', key, 1)
  elseif floor > 1 then
    from, point = first, redis.call('LINDEX', key, 2)
  else
    from = 1
  end
  local found, rest = sought(oldest, math.min(tonumber(ARGV[5]) or last, last), function(line)
    local kind = string.sub(line, 9, 9)
    return kind == 's' or kind == 't'
  end)
  if found then from, point = found, '' elseif rest >= oldest then return {header, 'g', tostring(rest)} end
end
return {header, since, point, unless_many(from, math.min(last, from + limit - 1))}
`;

/**
 * A stretch of records.
 *
 *     ARGV   1 from and 2 to which version   3 at most how many   4 from the newest on ('1')
 *
 * Answers nil where there is no log; else the header and the records, as far as the bytes of a page go.
 */
export const RANGE = `${LOG}
local from, to, limit = math.max(tonumber(ARGV[1]), first), math.min(tonumber(ARGV[2]), head), tonumber(ARGV[3])
if ARGV[4] == '1' then from = math.max(from, to - limit + 1) else to = math.min(to, from + limit - 1) end
return {header, gathered(from, to, ARGV[4] == '1')}
`;

/**
 * Looks for ids, from the newest record on.
 *
 *     ARGV   1 from which version downwards   2 in how many records   from 3 on: the ids
 *
 * Answers nil where there is no log; else where to go on (0: nowhere), then ids and versions in turn.
 */
export const FIND = `
local function search()
${LOG}
local newest = redis.call('LINDEX', key, head - first + 3)
local mark = string.sub(header, 145)
if head > floor and string.sub(newest or '', 10, 9 + #mark) ~= mark then return {header} end
local wanted = {}
for i = 3, #ARGV do wanted[ARGV[i]] = true end
local to = math.min(tonumber(ARGV[1]), head)
local from = math.max(first, to - tonumber(ARGV[2]) + 1)
local found = {from > first and tostring(from - 1) or '0'}
local function look(line, version)
  local id = string.match(line, '^......... %d+ (%S+) ')
  if id and wanted[id] then
    found[#found + 1] = id
    found[#found + 1] = tostring(version)
    wanted[id] = nil
  end
  return next(wanted) == nil
end
local _, rest = sought(from, to, look)
if rest and rest >= from then found[1] = tostring(rest) end
if found[1] == '0' and floor > 1 then look(redis.call('LINDEX', key, 2), floor) end
return found
end
local found = search()
if found and not string.match(found[1], '^%d+$') then return redis.error_reply('DGENTSDAMAGED 1') end
return found
`;
