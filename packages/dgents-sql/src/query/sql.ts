/**
 * Text of SQL and what is bound to it, composed. Whatever is put between is a parameter, unless it is such a piece
 * itself: there is no way to get a value into the text.
 */
export class Sql {
  constructor(
    private readonly texts: readonly string[],
    private readonly values: readonly unknown[],
  ) {}

  /** The text with its placeholders, and the values in their order. */
  render(placeholder: (position: number) => string): { text: string; values: unknown[] } {
    const values: unknown[] = [];
    const text = this.#write(values, placeholder);
    return { text, values };
  }

  #write(values: unknown[], placeholder: (position: number) => string): string {
    let text = this.texts[0] as string;
    for (const [i, value] of this.values.entries()) {
      if (value instanceof Sql) text += value.#write(values, placeholder);
      else text += placeholder(values.push(value));
      text += this.texts[i + 1] as string;
    }
    return text;
  }
}

/** `` sql`version = ${5}` ``: the value becomes a parameter, a piece of SQL a part. */
export function sql(texts: TemplateStringsArray, ...values: readonly unknown[]): Sql {
  return new Sql(texts, values);
}

/** Text that is trusted: of this package's own, or allow-listed. */
export function trusted(text: string): Sql {
  return new Sql([text], []);
}

/** Pieces, with text between them. */
export function joined(pieces: readonly Sql[], between: string): Sql {
  if (pieces.length === 0) return trusted('');
  return new Sql(['', ...pieces.slice(1).map(() => between), ''], pieces);
}

/** Pieces, with an operator between them that may be taken in any order, such that no chain of them gets long. */
export function balanced(pieces: readonly Sql[], between: ' AND ' | ' OR '): Sql {
  const [first, second] = pieces;
  if (first === undefined || second === undefined) return first ?? trusted('');
  const middle = pieces.length >> 1;
  return sql`(${balanced(pieces.slice(0, middle), between)}${trusted(between)}${balanced(pieces.slice(middle), between)})`;
}
