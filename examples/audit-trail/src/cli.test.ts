import { COMMANDS, HELP, parseOptions } from './cli.js';
import { UsageError } from './errors.js';

test('the folder one is in, a file in it, and names only, unless told', () => {
  expect(parseOptions(['hotspots'])).toEqual({
    command: 'hotspots',
    where: '',
    repo: '.',
    store: 'audit-trail.db',
    limit: 20,
    batch: 100,
    json: false,
    emails: false,
  });
});

test('options are read', () => {
  expect(
    parseOptions(['at', '1a2b3c', '--repo', 'x', '--store=y', '--limit', '3', '--json', '--emails']),
  ).toMatchObject({
    command: 'at',
    where: '1a2b3c',
    repo: 'x',
    store: 'y',
    limit: 3,
    json: true,
    emails: true,
  });
  expect(parseOptions(['import', '--help']).command).toBe('help');
});

test.each([
  [[], 'The commands are import'],
  [['improt'], 'There is no command "improt"'],
  [['at'], 'takes a version (17)'],
  [['at', '1', '2'], '`at` takes no "2"'],
  [['files', 'x\u001b[2J'], '`files` takes no ""x\\u001b[2J""'],
  [['files', '--limit', '0'], 'a whole number from 1 on'],
  [['import', '--batch', '-1'], 'The options are --repo'],
  [['import', '--repo', ''], '--repo takes a path'],
  [['import', '--store', 'sqlite:x.db'], 'the path of a file'],
  [['import', '--stroe', 'x'], "Unknown option '--stroe'. The options are --repo"],
])('a command line like %p is told what to be instead', (args, message) => {
  expect(() => parseOptions(args)).toThrow(UsageError);
  expect(() => parseOptions(args)).toThrow(message);
});

test('the help names every command and option, on lines that fit a terminal', () => {
  for (const word of [...COMMANDS, '--repo', '--store', '--limit', '--batch', '--emails', '--json', '--help'])
    expect(HELP).toContain(word);
  expect(Math.max(...HELP.split('\n').map((line) => line.length))).toBeLessThanOrEqual(80);
});
