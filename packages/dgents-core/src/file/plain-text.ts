/** Text beyond this is for machines: it stays on one line. */
const PRETTY_CHARACTERS = 1024 * 1024;

/** Indentation may be as large as the text itself, but what is this small is always written for people. */
const PRETTY_ANYWAY = 16 * 1024;

/**
 * The tokens of JSON text: its strings, its marks of structure, and whatever else has no white space in it. Scanned by
 * hand, since a regular expression over a long string exhausts its stack.
 */
function* tokensOf(text: string): Generator<string> {
  let at = 0;
  while (at < text.length) {
    const start = at;
    const code = text.charCodeAt(at);
    if (code === QUOTE) at = endOfString(text, at);
    else at++;
    if (isSpace(code)) continue;
    if (code !== QUOTE && !isMark(code)) while (at < text.length && isPlain(text.charCodeAt(at))) at++;
    yield text.slice(start, at);
  }
}

const QUOTE = 0x22;
const BACKSLASH = 0x5c;

function isSpace(code: number): boolean {
  return code === 0x20 || code === 0x0a || code === 0x0d || code === 0x09;
}

/** One of `[]{},:`. */
function isMark(code: number): boolean {
  return code === 0x5b || code === 0x5d || code === 0x7b || code === 0x7d || code === 0x2c || code === 0x3a;
}

function isPlain(code: number): boolean {
  return code !== QUOTE && !isMark(code) && !isSpace(code);
}

/** Where the string that begins at `start` is over; one that never ends goes to the end of the text. */
function endOfString(text: string, start: number): number {
  for (let from = start + 1; ; ) {
    const end = text.indexOf('"', from);
    if (end < 0) return text.length;
    let slashes = 0;
    while (end - slashes > from && text.charCodeAt(end - 1 - slashes) === BACKSLASH) slashes++;
    if (slashes % 2 === 0) return end + 1;
    from = end + 1;
  }
}

/** JSON text on one line: the same tokens, without the white space between them. Nothing is parsed, so nothing changes. */
export function onOneLine(text: string): string {
  const kept: string[] = [];
  let from = 0;
  for (let at = 0; at < text.length; ) {
    const code = text.charCodeAt(at);
    if (isSpace(code)) {
      if (at > from) kept.push(text.slice(from, at));
      from = ++at;
    } else at = code === QUOTE ? endOfString(text, at) : at + 1;
  }
  if (from === 0) return text;
  if (from < text.length) kept.push(text.slice(from));
  return kept.join('');
}

/**
 * The same JSON text for people: over many lines, indented, or on one where it is long or so deep that most of it would
 * be indentation. {@link onOneLine} takes it back.
 */
export function forPeople(text: string): string {
  if (text.length > PRETTY_CHARACTERS) return `${text}\n`;
  return onManyLines(text, Math.max(PRETTY_ANYWAY, 2 * text.length)) ?? `${text}\n`;
}

/** Over many lines; undefined when that takes more than so many characters. */
export function onManyLines(text: string, limit = Number.POSITIVE_INFINITY): string | undefined {
  const out: string[] = [];
  let length = 0;
  let depth = 0;
  let before = '';
  for (const token of tokensOf(text)) {
    const closes = token === '}' || token === ']';
    const opened = before === '{' || before === '[';
    if (closes) depth--;
    const breaks = before === ',' || opened !== closes;
    const space = breaks ? indent(depth) : before === ':' ? ' ' : '';
    if (token === '{' || token === '[') depth++;
    length += space.length + token.length;
    if (length >= limit) return undefined;
    out.push(space, token);
    before = token;
  }
  out.push('\n');
  return out.join('');
}

function indent(depth: number): string {
  return `\n${'  '.repeat(Math.max(0, depth))}`;
}
