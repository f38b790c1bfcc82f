/** Imports what is to be tested, and looks whether it is what it says it is. */
import { spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { basename, resolve } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import type { AgentSubject, BackendSubject, WrapperSubject } from 'dgents-core/testing';
import { misspelt } from './misspelt.js';
import { UsageError } from './options.js';

export type LoadedSubject =
  | { readonly kind: 'backend'; readonly subject: BackendSubject }
  | { readonly kind: 'agent'; readonly subject: AgentSubject }
  | { readonly kind: 'wrapper'; readonly subject: WrapperSubject };

type Kind = LoadedSubject['kind'];

const COMMON = ['kind', 'name', 'claims', 'waivers'];
const OPENING = ['create', 'open', 'destroy', 'importFrom', 'advance'];

/** What the kit calls: without one of these there is nothing to test. */
const NEEDED: Record<Kind, readonly string[]> = {
  backend: ['create', 'open', 'destroy'],
  agent: ['create', 'open', 'destroy'],
  wrapper: ['wrap'],
};

/** Everything that the kit looks for. */
const HOOKS: Record<Kind, readonly string[]> = {
  backend: [...COMMON, ...OPENING, 'outage', 'damage'],
  agent: [...COMMON, ...OPENING, 'states'],
  wrapper: [...COMMON, 'wrap', 'inner', 'states'],
};

/** A method that only this kind has. */
const TELLING = { backend: 'commit', agent: 'load' } as const;

/** How long opening may take before it counts as never. */
const OPENING_MS = 30_000;

/** @throws UsageError that says what to do */
export async function loadSubject(
  file: string,
  cwd: string,
  warn: (text: string) => void = () => undefined,
): Promise<LoadedSubject> {
  const url = file.startsWith('file:') ? new URL(file) : pathToFileURL(resolve(cwd, file));
  if (!existsSync(url)) throw new UsageError(`there is no file ${fileURLToPath(url)}.`);
  const exported = exportedBy(await imported(url, file));
  const { kind = 'backend' } = exported;
  if (kind !== 'backend' && kind !== 'agent' && kind !== 'wrapper') {
    throw new UsageError(
      `${file}: \`kind\` is 'backend', 'agent' or 'wrapper', not ${JSON.stringify(kind)}.`,
    );
  }
  for (const [name, meant] of misspelt(Object.keys(exported), HOOKS[kind])) {
    warn(`${file} exports \`${name}\`, which the kit does not know: did you mean \`${meant}\`?`);
  }
  const missing = NEEDED[kind].filter((name) => typeof exported[name] !== 'function');
  if (missing.length > 0) {
    const functions = missing.map((name) => `\`${name}\``).join(', ');
    const hint = typeof exported['wrap'] === 'function' ? " A wrapper also exports `kind = 'wrapper'`." : '';
    throw new UsageError(`${file} does not export the function ${functions} (see --help).${hint}`);
  }
  const own = reachesFurther(exported['claims']) ? { importFrom: url } : {};
  const subject = { name: basename(file), claims: {}, ...own, ...exported };
  if (kind !== 'wrapper') await look(kind, subject as unknown as AgentSubject, file);
  return { kind, subject } as unknown as LoadedSubject;
}

/** Whether processes of their own have to open it too: they import the same module, and its places survive JSON. */
function reachesFurther(claims: unknown): boolean {
  const { durability = 'none', sharing = 'process' } = (claims ?? {}) as Record<string, unknown>;
  return durability !== 'none' || sharing !== 'process';
}

async function imported(url: URL, file: string): Promise<Record<string, unknown>> {
  try {
    return (await import(url.href)) as Record<string, unknown>;
  } catch (error) {
    const hint =
      (error as { code?: unknown }).code === 'ERR_UNKNOWN_FILE_EXTENSION'
        ? ' Give the compiled JavaScript, or let Node load it: NODE_OPTIONS="--import tsx".'
        : '';
    const place = error instanceof SyntaxError ? placeOfSyntaxError(url) : undefined;
    const where = place === undefined ? '' : ` (${place})`;
    throw new UsageError(`${file} could not be imported: ${told(error)}${where}.${hint}`);
  }
}

/** Node tells the file and the line of a syntax error only when it ends by it. Nothing of the module is run. */
function placeOfSyntaxError(url: URL): string | undefined {
  const script = `await import(${JSON.stringify(url.href)})`;
  const { stderr } = spawnSync(process.execPath, ['--input-type=module', '-e', script], {
    encoding: 'utf8',
    timeout: OPENING_MS,
  });
  return /^(?:file:\/\/)?(\S.*:\d+)$/m.exec(stderr)?.[1];
}

/** Named exports, or an object as the default one. */
function exportedBy(module: Record<string, unknown>): Record<string, unknown> {
  const given = module['default'];
  return typeof given === 'object' && given !== null ? { ...module, ...given } : { ...module };
}

/** Opens it once: better one sentence now than the same failure of every fact. */
async function look(kind: keyof typeof TELLING, subject: AgentSubject, file: string): Promise<void> {
  const place = await attempt(`${file}: \`create\``, () => subject.create());
  if (place === undefined) {
    throw new UsageError(
      `${file}: \`create\` gives undefined: it has to give the empty place that \`open\` is called with.`,
    );
  }
  try {
    const opened = await attempt(`${file}: \`open\``, () => subject.open(place, { key: 'state' }));
    // That it closes is a promise, and has facts: a first skeleton need not.
    await attempt('close', async () => opened?.close?.()).catch(() => undefined);
    const has = (method: string): boolean => typeof Reflect.get(Object(opened), method) === 'function';
    if (has(TELLING[kind])) return;
    const other = kind === 'backend' ? 'agent' : 'backend';
    const hint = has(TELLING[other]) ? ` It gives an ${other}: export \`kind = '${other}'\`.` : '';
    throw new UsageError(`${file}: \`open\` gives no ${kind}: it has no \`${TELLING[kind]}\`.${hint}`);
  } finally {
    await attempt(`${file}: \`destroy\``, () => subject.destroy(place));
  }
}

async function attempt<T>(what: string, call: () => T | Promise<T>): Promise<T> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<never>((_, reject) => {
    const never = new UsageError(`${what} has not settled within ${OPENING_MS / 1000} s.`);
    timer = setTimeout(() => reject(never), OPENING_MS);
  });
  try {
    return await Promise.race([(async () => call())(), late]);
  } catch (error) {
    throw error instanceof UsageError ? error : new UsageError(`${what} failed: ${told(error)}.`);
  } finally {
    clearTimeout(timer);
  }
}

function told(error: unknown): string {
  return error instanceof Error ? `${error.name}: ${error.message}`.replace(/\.$/, '') : String(error);
}
