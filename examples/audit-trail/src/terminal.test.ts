import type { WriteStream } from 'node:tty';
import { Progress } from './terminal.js';

function shownOn(isTTY: boolean | undefined): string {
  let text = '';
  const write = (piece: string): boolean => {
    text += piece;
    return true;
  };
  const progress = new Progress({ isTTY, write } as unknown as WriteStream);
  for (let done = 0; done <= 1_000; done++) progress.show('importing', done, 1_000);
  progress.clear();
  return text;
}

test('progress is drawn on a terminal, at its end in any case, and nowhere else', () => {
  expect(shownOn(undefined)).toBe('');
  expect(shownOn(false)).toBe('');
  expect(shownOn(true)).toContain('1000/1000');
  expect(shownOn(true).split('\r').length).toBeLessThan(50);
  expect(shownOn(true).endsWith('\r\u001b[K')).toBe(true);
});
