/** What both scripts begin with: they end at once where the log has another id at that version, or none above its floor. */
const AT_VERSION = `
local key, version, mark, line = KEYS[1], tonumber(ARGV[1]), ARGV[2], ARGV[3]
local header = redis.call('LINDEX', key, 0)
if not header then return 0 end
local newest = tonumber(string.match(header, '^ (%d+) ', 145))
local floor, checkpoint = tonumber(string.sub(header, 1, 12)), tonumber(string.sub(header, 25, 36))
local intact = string.sub(header, 1, 67) == string.sub(header, 68, 134)
if not intact or not newest or not floor or not checkpoint then return redis.error_reply('DGENTSDAMAGED 1') end
if version > newest or version < floor or (version == floor and floor > 1) then return 0 end
local first = floor == 1 and 1 or floor + 1
local there = version - first + 3
local record = redis.call('LINDEX', key, there)
if not record or string.sub(record, 10, 9 + #mark) ~= mark then return 0 end

-- The header with other numbers.
local function change(numbers)
  local facts = numbers .. string.sub(header, 37, 67)
  redis.call('LSET', key, 0, facts .. facts .. string.sub(header, 135))
end
`;

/** Keeps the whole state at a version, if it is newer than what is kept. ARGV: version, mark, line. */
export const CHECKPOINT = `${AT_VERSION}
if version <= checkpoint then return 0 end
redis.call('LSET', key, 1, line)
change(string.sub(header, 1, 24) .. string.format('%012d', version))
return 1
`;

/**
 * Makes a version the oldest that is kept. ARGV: version, mark, line.
 *
 * The three elements before the record at the version and the record itself become header, checkpoint and base.
 */
export const TRIM = `${AT_VERSION}
if version <= floor then return 0 end
local kept = ''
if checkpoint > version then kept = redis.call('LINDEX', key, 1) else checkpoint = 0 end
local start = math.max(version, tonumber(string.sub(header, 13, 24)))
redis.call('LSET', key, 0, header) -- Who may not do this may not trim, either.
redis.call('LTRIM', key, there - 2, -1)
change(string.format('%012d%012d%012d', version, start, checkpoint))
redis.call('LSET', key, 1, kept)
redis.call('LSET', key, 2, line)
return 1
`;
