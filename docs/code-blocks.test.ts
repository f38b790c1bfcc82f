import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { type CodeBlock, CodeBlockRunner, codeBlocks, pages } from './code-blocks.js';

const ROOT = join(__dirname, '..');
const fenced = (info: string, ...code: string[]) => [`\`\`\`${info}`, ...code, '```'].join('\n');

describe('code on the pages', () => {
  const runner = new CodeBlockRunner(ROOT);
  const blocks = pages(ROOT).flatMap((page) => codeBlocks(page, readFileSync(join(ROOT, page), 'utf8')));
  let mistakes: ReadonlyMap<CodeBlock, string[]>;
  beforeAll(() => {
    mistakes = runner.compile(blocks);
  }, 60_000);
  afterAll(() => runner.close());

  test('every ts block passes the strict type check', () => {
    expect([...mistakes.values()].flat()).toEqual([]);
  });

  test('every block runs', async () => {
    const failures: string[] = [];
    for (const block of blocks.filter((block) => block.run)) {
      const failure = await runner.run(block);
      if (failure !== undefined) failures.push(failure);
    }
    expect(failures).toEqual([]);
  }, 300_000);
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
  ].join('\n');
  const blocks = codeBlocks('page.md', page);

  test('blocks are found with their lines, and continued ones are joined', () => {
    expect(blocks.map(({ line, language, run }) => [line, language, run])).toEqual([
      [3, 'ts', true],
      [11, 'ts', false],
      [16, 'js', true],
    ]);
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
