import { spawn } from 'node:child_process';
import fs from 'node:fs';
import { tmpdir } from 'node:os';
import { join, relative } from 'node:path';
import ts from 'typescript';

/**
 * A fenced block of a page. Its info string says what happens to it:
 *
 *     ```ts            type-checked with the strict settings, and run
 *     ```ts no-run     type-checked only
 *     ```ts redis      type-checked, and run where there is a server for it: see {@link CodeBlockRunner.run}
 *     ```ts continue   appended to the block before it on the page
 *     ```ts a/file.ts  part of that file of the workspace, which is checked where it is: see {@link excerpts}
 *     ```js            run only
 */
export interface CodeBlock {
  readonly page: string;
  /** The line of the page on which the code starts, counted from 1. */
  readonly line: number;
  readonly language: 'ts' | 'js';
  readonly run: boolean;
  /** Whether it wants a Redis at `redis://localhost:6379`. */
  readonly redis: boolean;
  readonly code: string;
}

const RUN_TIMEOUT_MS = 180_000;

/** The pages whose blocks are promises: README.md, docs/ (the generated part aside) and each package's README. */
export function pages(root: string): string[] {
  const packages = fs.readdirSync(join(root, 'packages')).map((name) => `packages/${name}/README.md`);
  const docs = fs
    .readdirSync(join(root, 'docs'), { recursive: true, encoding: 'utf8' })
    .map((name) => `docs/${name}`);
  const inDocs = docs.filter((path) => path.endsWith('.md') && !path.startsWith('docs/api/'));
  const tops = fs.readdirSync(root).filter((name) => name === 'README.md');
  return [...tops, ...inDocs.sort(), ...packages].filter((path) => ts.sys.fileExists(join(root, path)));
}

/** The blocks of one page, `continue` joined to what it continues. */
export function codeBlocks(page: string, text: string): CodeBlock[] {
  const blocks: CodeBlock[] = [];
  for (const fenced of fences(text)) if (fileOf(fenced) === undefined) add(blocks, page, fenced);
  return blocks;
}

/** What a page shows of files, by their paths. All that it shows of one, in order, has to be the whole of it. */
export function excerpts(text: string): ReadonlyMap<string, readonly string[]> {
  const files = new Map<string, string[]>();
  for (const fenced of fences(text)) {
    const file = fileOf(fenced);
    if (file !== undefined) files.set(file, [...(files.get(file) ?? []), ...fenced.code]);
  }
  return files;
}

interface Fenced {
  readonly info: readonly string[];
  /** Of the first line of code. */
  readonly line: number;
  readonly code: readonly string[];
}

function fileOf({ info: [language, ...flags] }: Fenced): string | undefined {
  return language === 'ts' ? flags.find((flag) => flag.includes('/')) : undefined;
}

function fences(text: string): Fenced[] {
  const found: Fenced[] = [];
  let open: { fence: string; info: string[]; line: number; code: string[] } | undefined;
  for (const [index, line] of text.split(/\r?\n/).entries()) {
    const fence = /^\s*(`{3,})(.*)$/.exec(line);
    if (open === undefined) {
      if (fence) open = { fence: fence[1]!, info: fence[2]!.trim().split(/\s+/), line: index + 2, code: [] };
    } else if (line.trim() !== open.fence) {
      open.code.push(line);
    } else {
      found.push(open);
      open = undefined;
    }
  }
  return found;
}

function add(blocks: CodeBlock[], page: string, fenced: Fenced): void {
  const [language, ...flags] = fenced.info;
  if (language !== 'ts' && language !== 'js') return;
  const run = !flags.includes('no-run');
  const redis = flags.includes('redis');
  const before = flags.includes('continue') ? blocks.pop() : undefined;
  if (flags.includes('continue') && before === undefined)
    throw new Error(`${page}:${fenced.line} continues nothing`);
  // Blank lines where the page has prose, so that line numbers stay those of the page.
  const gap = before ? fenced.line - before.line - before.code.split('\n').length : 0;
  const code = [...(before ? [before.code, ...Array<string>(gap).fill('')] : []), ...fenced.code].join('\n');
  blocks.push({ page, line: before?.line ?? fenced.line, language, run, redis, code });
}

/** Compiles and runs blocks against the packages as they are installed in the workspace: through their `exports`. */
export class CodeBlockRunner {
  readonly #root: string;
  readonly #folder: string;
  #files: ReadonlyMap<CodeBlock, string> = new Map();

  constructor(root: string) {
    this.#root = fs.realpathSync(root);
    // Inside the workspace, so that Node and TypeScript find the packages; node_modules is never committed.
    const parent = join(this.#root, 'node_modules/.cache');
    fs.mkdirSync(parent, { recursive: true });
    this.#folder = fs.mkdtempSync(join(parent, 'code-blocks-'));
    fs.writeFileSync(join(this.#folder, 'package.json'), '{ "type": "module" }\n');
  }

  /** Type-checks all blocks in one program, writes each as a module, and returns the mistakes by block. */
  compile(blocks: readonly CodeBlock[]): ReadonlyMap<CodeBlock, string[]> {
    const files = new Map(blocks.map((block, index) => [this.#write(block, index), block]));
    const typed = [...files.keys()].filter((file) => file.endsWith('.ts'));
    const program = ts.createProgram(typed, this.#options());
    const diagnostics = ts.getPreEmitDiagnostics(program);
    program.emit();
    const mistakes = new Map<CodeBlock, string[]>(blocks.map((block) => [block, []]));
    for (const { file, start, messageText } of diagnostics) {
      const block = file && files.get(file.fileName);
      const text = ts.flattenDiagnosticMessageText(messageText, '\n');
      if (!file || !block)
        throw new Error(`${file ? relative(this.#root, file.fileName) : 'compiler'}: ${text}`);
      const line = block.line + file.getLineAndCharacterOfPosition(start ?? 0).line;
      mistakes.get(block)?.push(`${block.page}:${line} ${text}`);
    }
    this.#files = new Map([...files].map(([file, block]) => [block, file.replace(/ts$/, 'js')]));
    return mistakes;
  }

  /**
   * Runs a compiled block in an empty directory of its own; resolves to what went wrong, if anything.
   *
   * @param redisUrl of the server that takes the place of the one on the page, in the code and as `REDIS_URL`
   */
  async run(block: CodeBlock, redisUrl?: string): Promise<string | undefined> {
    const file = redisUrl === undefined ? this.#files.get(block) : this.#moved(block, redisUrl);
    const cwd = fs.mkdtempSync(join(tmpdir(), 'dgents-block-'));
    try {
      const { DGENTS_STORE: _, NODE_OPTIONS: __, ...env } = process.env;
      const child = spawn(process.execPath, ['--enable-source-maps', file ?? ''], {
        cwd,
        env: { ...env, ...(redisUrl !== undefined && { REDIS_URL: redisUrl }) },
        stdio: ['ignore', 'ignore', 'pipe'],
        timeout: RUN_TIMEOUT_MS,
        killSignal: 'SIGKILL',
      });
      let stderr = '';
      child.stderr.on('data', (chunk) => {
        stderr += chunk;
      });
      const [code, signal] = await new Promise<[number | null, string | null]>((resolve, reject) => {
        child.on('error', reject).on('close', (...end) => resolve(end));
      });
      return code === 0 ? undefined : `${block.page}:${block.line} ended with ${code ?? signal}\n${stderr}`;
    } finally {
      fs.rmSync(cwd, { recursive: true, force: true });
    }
  }

  close(): void {
    fs.rmSync(this.#folder, { recursive: true, force: true });
  }

  #moved(block: CodeBlock, redisUrl: string): string {
    const file = this.#files.get(block) ?? '';
    const moved = file.replace(/\.js$/, '.moved.js');
    const code = fs.readFileSync(file, 'utf8').replace(/redis:\/\/localhost(:6379)?(?!\d)/g, redisUrl);
    fs.writeFileSync(moved, code);
    return moved;
  }

  #write(block: CodeBlock, index: number): string {
    const file = join(this.#folder, `block-${index}.${block.language}`);
    // `export {}` makes a module of it: top-level await, and names of its own.
    fs.writeFileSync(file, `${block.code}\nexport {};\n`);
    return file;
  }

  #options(): ts.CompilerOptions {
    const base = ts.readConfigFile(join(this.#root, 'tsconfig.base.json'), ts.sys.readFile).config;
    const { options } = ts.convertCompilerOptionsFromJson(base.compilerOptions, this.#root);
    const output = { composite: false, incremental: false, declaration: false, declarationMap: false };
    return { ...options, ...output, rootDir: this.#folder, outDir: this.#folder };
  }
}
