/** Of what is built: `npx tsc -b` comes first. */
import { readFileSync } from 'node:fs';
import { basename, join } from 'node:path';

const dist = join(__dirname, '../dist');

/** Packages that the declarations in a file name, and in all that it imports. */
function named(
  file: string,
  seen = new Map<string, readonly string[]>(),
): ReadonlyMap<string, readonly string[]> {
  if (seen.has(file)) return seen;
  const from = Array.from(
    readFileSync(file, 'utf8').matchAll(/(?:from|import\() ?['"]([^'"]+)['"]/g),
    ([, name]) => name as string,
  );
  seen.set(
    file,
    from.filter((name) => !name.startsWith('.')),
  );
  for (const name of from) {
    if (name.startsWith('.')) named(join(file, '..', name.replace(/\.js$/, '.d.ts')), seen);
  }
  return seen;
}

test('who uses one driver needs neither the others nor their types', () => {
  const files = named(join(dist, 'index.d.ts'));
  expect([...files.keys()].map((file) => basename(file))).toContain('sqlite-backend.d.ts');
  expect(new Set([...files.values()].flat())).toEqual(new Set(['dgents-core', 'node:stream', 'node:tls']));
});
