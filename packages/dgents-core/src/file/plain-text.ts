/** A string of JSON text, a mark of structure, white space, or anything else that has no white space in it. */
const TOKEN = /"(?:[^"\\]|\\.)*"|[[\]{},:]|[ \t\r\n]+|[^[\]{},:" \t\r\n]+/gs;

/** JSON text on one line: the same tokens, without the white space between them. Nothing is parsed, so nothing changes. */
export function onOneLine(text: string): string {
  return (text.match(TOKEN) ?? []).filter((token) => !/^[ \t\r\n]/.test(token)).join('');
}

/** The same JSON text over many lines, indented, for people. {@link onOneLine} takes it back. */
export function onManyLines(text: string): string {
  let out = '';
  let depth = 0;
  const tokens = (text.match(TOKEN) ?? []).filter((token) => !/^[ \t\r\n]/.test(token));
  for (const [i, token] of tokens.entries()) {
    const next = tokens[i + 1];
    if (token === '{' || token === '[') {
      const empty = next === '}' || next === ']';
      if (!empty) depth++;
      out += empty ? token : token + indent(depth);
    } else if (token === '}' || token === ']') {
      const empty = tokens[i - 1] === '{' || tokens[i - 1] === '[';
      if (!empty) depth--;
      out += empty ? token : indent(depth) + token;
    } else if (token === ',') out += token + indent(depth);
    else out += token === ':' ? ': ' : token;
  }
  return `${out}\n`;
}

function indent(depth: number): string {
  return `\n${'  '.repeat(depth)}`;
}
