import { HELP, parseOptions, UsageError } from './cli.js';

test('nothing is asked for unless it is', () => {
  expect(parseOptions([])).toEqual({
    store: undefined,
    json: false,
    keep: false,
    help: false,
    limit: Number.POSITIVE_INFINITY,
  });
});

test('options are read', () => {
  const options = parseOptions(['--store', 'file:./state', '--json', '--keep', '--limit=7']);
  expect(options).toEqual({ store: 'file:./state', json: true, keep: true, help: false, limit: 7 });
});

test.each([
  [['--stroe', 'x'], "Unknown option '--stroe'. The options are --store <url>"],
  [['--store'], 'argument missing. The options are'],
  [['--store', './state'], 'such as file:./state, not "./state"'],
  [['--limit', '0'], 'a whole number from 1 on'],
  [['more'], "Unexpected argument 'more'. The options are"],
])('a command line like %p is told what to be instead', (args, message) => {
  expect(() => parseOptions(args)).toThrow(UsageError);
  expect(() => parseOptions(args)).toThrow(message);
});

test('the help names every option, on lines that fit a terminal', () => {
  for (const option of ['--store <url>', '--keep', '--json', '--help']) expect(HELP).toContain(option);
  expect(Math.max(...HELP.split('\n').map((line) => line.length))).toBeLessThanOrEqual(80);
});
