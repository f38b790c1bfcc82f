/** The keys of a store, page by page. */
import type { BackendKeysOptions, KeyEntry } from 'dgents-core';
import { keyOfText, textOfKey, textRangeOf } from '../shared/key-text.js';
import { headOfColumns } from './reading.js';
import type { HeadColumns } from './statements.js';

export type KeyRow = HeadColumns & { readonly key: string };

/**
 * Keys that begin with a prefix, in the order of their code points.
 *
 * @param page gives rows after a text and not before another one; at most `size`, and fewer only at the end
 */
export async function* listed(
  prefix: string,
  options: BackendKeysOptions,
  size: number,
  page: (after: string, from: string) => Promise<readonly KeyRow[]>,
): AsyncGenerator<KeyEntry> {
  const { from, below } = textRangeOf(prefix);
  const end = below === undefined ? undefined : Buffer.from(below);
  let after = options.after === undefined ? '' : textOfKey(options.after);
  let left = options.limit ?? Number.POSITIVE_INFINITY;
  while (left > 0) {
    const rows = await page(after, from);
    for (const row of rows) {
      after = row.key;
      if (end !== undefined && Buffer.compare(Buffer.from(row.key), end) >= 0) return;
      const key = keyOfText(row.key);
      if (!key.startsWith(prefix)) continue;
      yield options.heads ? { key, head: headOfColumns(row) } : { key };
      if (--left <= 0) return;
    }
    if (rows.length < size) return;
  }
}
