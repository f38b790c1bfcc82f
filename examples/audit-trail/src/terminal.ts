/** One line of progress, drawn over and over, where a person watches; nothing elsewhere. */
import type { WriteStream } from 'node:tty';

/** Enough to read by; more redraws only cost. */
const REDRAW_MS = 80;
const WIDTH = 30;

export class Progress {
  private drawnAt = 0;
  private drawn = false;

  constructor(private readonly stream: WriteStream) {}

  show(what: string, done: number, total: number): void {
    if (this.stream.isTTY !== true) return;
    const now = performance.now();
    if (now - this.drawnAt < REDRAW_MS && done < total) return;
    const full = total === 0 ? WIDTH : Math.min(WIDTH, Math.round((done / total) * WIDTH));
    const bar = '━'.repeat(full) + '─'.repeat(WIDTH - full);
    this.stream.write(`\r\u001b[K${what} ${bar} ${done}/${total}`);
    this.drawnAt = now;
    this.drawn = true;
  }

  clear(): void {
    if (this.drawn) this.stream.write('\r\u001b[K');
    this.drawn = false;
  }
}
