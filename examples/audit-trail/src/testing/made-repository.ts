/** Repositories for the tests, made by one `git fast-import` each: any bytes, fixed dates, and quick. */
import { spawnSync } from 'node:child_process';
import { AuditError } from '../errors.js';

/** Names in fast-import's own quotes, so that they may hold any byte: `a\351b`. */
export type Step =
  | { readonly write: string; readonly text: string | Buffer }
  | { readonly rename: string; readonly to: string }
  | { readonly remove: string };

export interface MadeCommit {
  /** `Ada <ada@example.org>` */
  readonly by: string;
  /** Seconds since the epoch. */
  readonly at: number;
  readonly subject: string | Buffer;
  /** Places in the list, from 0; the commit before it unless told. */
  readonly parents?: readonly number[];
  readonly steps?: readonly Step[];
}

/** Git, in a folder, as nobody has configured it. @returns what it writes, a character for each byte */
export function git(folder: string, args: readonly string[], input?: Buffer): string {
  const env = { ...process.env, GIT_CONFIG_GLOBAL: '/dev/null', GIT_CONFIG_NOSYSTEM: '1' };
  const { status, stdout, stderr, error } = spawnSync('git', args, {
    cwd: folder,
    env,
    input,
    maxBuffer: 2 ** 28,
  });
  if (error !== undefined || status !== 0) throw new AuditError(`git ${args[0]}: ${error ?? stderr}`);
  return stdout.toString('latin1');
}

/** Makes a bare repository of these commits in a folder that is empty; the last one is its HEAD. */
export function makeRepository(folder: string, commits: readonly MadeCommit[]): void {
  git(folder, ['init', '--quiet', '--bare', '--initial-branch=main']);
  git(folder, ['fast-import', '--quiet'], Buffer.concat(commits.flatMap(commitText)));
}

/** Appends commits to what `makeRepository` made: `parents` count from the first of these; its first one follows HEAD. */
export function growRepository(folder: string, commits: readonly MadeCommit[]): void {
  const [first, ...rest] = commits.map(commitText);
  const from = Buffer.from('from refs/heads/main^0\n');
  const at = first?.findIndex((piece) => piece.toString('latin1').startsWith('M ')) ?? -1;
  const grown = [...(first ?? []).slice(0, at), from, ...(first ?? []).slice(at)];
  git(folder, ['fast-import', '--quiet'], Buffer.concat([...grown, ...rest.flat()]));
}

function commitText({ by, at, subject, parents, steps = [] }: MadeCommit, index: number): Buffer[] {
  const [from, ...merged] = parents ?? (index === 0 ? [] : [index - 1]);
  return [
    Buffer.from(`commit refs/heads/main\nmark :${index + 1}\n`),
    Buffer.from(`author ${by} ${at} +0100\ncommitter ${by} ${at} +0100\n`),
    ...data(subject),
    ...(from === undefined ? [] : [Buffer.from(`from :${from + 1}\n`)]),
    ...merged.map((parent) => Buffer.from(`merge :${parent + 1}\n`)),
    ...steps.flatMap(stepText),
    Buffer.from('\n'),
  ];
}

function stepText(step: Step): Buffer[] {
  if ('rename' in step) return [Buffer.from(`R "${step.rename}" "${step.to}"\n`)];
  if ('remove' in step) return [Buffer.from(`D "${step.remove}"\n`)];
  return [Buffer.from(`M 100644 inline "${step.write}"\n`), ...data(step.text)];
}

function data(given: string | Buffer): Buffer[] {
  const bytes = Buffer.from(given as string);
  return [Buffer.from(`data ${bytes.length}\n`), bytes, Buffer.from('\n')];
}

/** A history of so many commits: branches, merges, renames and deletions among them. The same each time. */
export function randomHistory(length: number, seed = 1): MadeCommit[] {
  const random = generator(seed);
  const people = [
    'Ada <ada@example.org>',
    'Bob <bob@example.org>',
    'Zoë "Z" <zoe@example.org>',
    '__proto__ <p@example.org>',
  ];
  const commits: MadeCommit[] = [];
  /** What each commit's tree holds: name to number of lines. */
  const trees: Map<string, number>[] = [];
  for (let i = 0; i < length; i++) {
    const parent = i > 3 && random(8) === 0 ? i - 1 - random(3) : i - 1;
    const other = i > 6 && parent === i - 1 && random(9) === 0 ? i - 2 - random(3) : undefined;
    const tree = new Map(trees[parent] ?? []);
    const steps: Step[] = [];
    if (other !== undefined) {
      for (const [name, lines] of trees[other] ?? []) {
        if (tree.has(name)) continue;
        tree.set(name, lines);
        steps.push({ write: name, text: linesOf(name, lines) });
      }
    } else {
      for (let n = 0; n <= random(3); n++) steps.push(stepIn(tree, random, i));
    }
    trees.push(tree);
    commits.push({
      by: people[random(people.length)] as string,
      at: 1_700_000_000 + i * 40_000 + (random(10) === 0 ? -90_000 : 0),
      subject: `Commit ${i}`,
      ...(i > 0 && { parents: other === undefined ? [parent] : [parent, other] }),
      steps,
    });
  }
  return commits;
}

function stepIn(tree: Map<string, number>, random: (below: number) => number, index: number): Step {
  const names = [...tree.keys()];
  const name = names[random(Math.max(1, names.length))];
  const what = random(10);
  if (name === undefined || what < 2) {
    const added = `folder ${random(4)}/file-${index}-${random(100)}`;
    tree.set(added, 20 + random(30));
    return { write: added, text: linesOf(added, tree.get(added) ?? 0) };
  }
  const lines = tree.get(name) ?? 0;
  if (what === 2) {
    tree.delete(name);
    return { remove: name };
  }
  if (what === 3) {
    const to = `${name}-${index}`;
    tree.delete(name);
    tree.set(to, lines);
    return { rename: name, to };
  }
  tree.set(name, lines + 1 + random(9));
  return { write: name, text: linesOf(name, tree.get(name) ?? 0) };
}

const linesOf = (name: string, count: number): string =>
  Array.from({ length: count }, (_, line) => `${name} ${line}\n`).join('');

/** Numbers that look random and are the same each time (mulberry32). */
export function generator(seed: number): (below: number) => number {
  let state = seed;
  return (below) => {
    state = (state + 0x6d2b79f5) | 0;
    let t = Math.imul(state ^ (state >>> 15), 1 | state);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) % below;
  };
}
