import { existsSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { DURABLE, OwnRedis, ownRedisProblem } from '../packages/dgents-redis/test/own-redis.js';
import { type CodeBlock, CodeBlockRunner, codeBlocks, excerpts, pages } from './code-blocks.js';

const ROOT = join(__dirname, '..');
const read = (file: string) => readFileSync(join(ROOT, file), 'utf8');
const noRedis = ownRedisProblem();
const fenced = (info: string, ...code: string[]) => [`\`\`\`${info}`, ...code, '```'].join('\n');

describe('code on the pages', () => {
  const runner = new CodeBlockRunner(ROOT);
  const blocks = pages(ROOT).flatMap((page) => codeBlocks(page, read(page)));
  let mistakes: ReadonlyMap<CodeBlock, string[]>;
  beforeAll(() => {
    mistakes = runner.compile(blocks);
  }, 60_000);
  afterAll(() => runner.close());

  test('every ts block passes the strict type check', () => {
    expect([...mistakes.values()].flat()).toEqual([]);
  });

  test('every block runs', async () => {
    const waiting = blocks.filter((block) => block.run && !block.redis);
    const count = waiting.length;
    const failures: (string | undefined)[] = [];
    // Some wait most of their time.
    const lane = async (): Promise<void> => {
      for (let block = waiting.shift(); block !== undefined; block = waiting.shift()) {
        failures.push(await runner.run(block));
      }
    };
    await Promise.all([lane(), lane(), lane()]);
    expect(failures.filter((failure) => failure !== undefined)).toEqual([]);
    expect(failures).toHaveLength(count);
    expect(count).toBeGreaterThan(20);
  }, 600_000);

  (noRedis === undefined ? test : test.skip)(
    `every block for a Redis runs${noRedis === undefined ? '' : ` (skipped: ${noRedis})`}`,
    async () => {
      const waiting = blocks.filter((block) => block.run && block.redis);
      const server = await OwnRedis.start(DURABLE);
      try {
        const failures = await Promise.all(waiting.map((block) => runner.run(block, server.url)));
        expect(failures.filter((failure) => failure !== undefined)).toEqual([]);
        // They were there, and nowhere else.
        expect(await server.say('DBSIZE')).toBeGreaterThan(5);
      } finally {
        await server.remove();
      }
      expect(waiting.length).toBeGreaterThan(5);
    },
    120_000,
  );
});

describe('links on the pages', () => {
  const links = pages(ROOT).flatMap((page) =>
    [...read(page).matchAll(/\]\((?!https?:)([^)#\s]*)(?:#[^)]*)?\)/g)].map(
      ([, to]) => [page, to as string] as const,
    ),
  );

  test('lead to files that are there', () => {
    const dead = links.filter(([page, to]) => !existsSync(join(ROOT, dirname(page), to)));
    expect(dead).toEqual([]);
    expect(links.length).toBeGreaterThan(50);
  });
});

describe('files on the pages', () => {
  const written = (lines: readonly string[]) => lines.filter((line) => line.trim() !== '');
  const shown = pages(ROOT).flatMap((page) =>
    [...excerpts(read(page))].map(([file, lines]) => ({ page, file, lines })),
  );

  test.each(shown)('$page shows $file as it is, whole and in order', ({ file, lines }) => {
    expect(written(lines)).toEqual(written(read(file).split('\n')));
  });
});

describe('the test of the pages itself', () => {
  const runner = new CodeBlockRunner(ROOT);
  afterAll(() => runner.close());
  const page = [
    'Prose.',
    fenced('ts', 'const one: number = 1;'),
    'More prose.',
    fenced('ts continue', 'const two: number = one + 1;', 'if (two !== 2) process.exit(1);'),
    fenced('ts no-run', 'const wrong: string = 3;', 'process.exit(1);', 'void wrong;'),
    fenced('js', "import 'node:fs';", "throw new TypeError('on purpose');"),
    fenced('sh', 'exit 1'),
    fenced('ts a/file.ts', 'const part = 1;'),
    fenced('ts a/file.ts', '', 'const rest = 2;'),
  ].join('\n');
  const blocks = codeBlocks('page.md', page);

  test('blocks are found with their lines, and continued ones are joined', () => {
    expect(blocks.map(({ line, language, run }) => [line, language, run])).toEqual([
      [3, 'ts', true],
      [11, 'ts', false],
      [16, 'js', true],
    ]);
  });

  test('parts of a file are no blocks of their own, and are joined by its path', () => {
    expect([...excerpts(page)]).toEqual([['a/file.ts', ['const part = 1;', '', 'const rest = 2;']]]);
  });

  test('a wrong type is reported with the line of the page, a failing program with that of its block', async () => {
    const mistakes = [...runner.compile(blocks).values()];
    expect(mistakes).toEqual([
      [],
      [expect.stringMatching(/^page\.md:11 Type 'number' is not assignable/)],
      [],
    ]);
    expect(await runner.run(blocks[0]!)).toBeUndefined();
    expect(await runner.run(blocks[2]!)).toMatch(/^page\.md:16 ended with 1\n.*on purpose/s);
  }, 60_000);
});
