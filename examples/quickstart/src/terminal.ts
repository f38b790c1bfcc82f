/** Colours and progress where there is a terminal; plain lines, and few, where there is none. */
import type { WriteStream } from 'node:tty';

export type Colour = 'bold' | 'dim' | 'red' | 'green' | 'yellow' | 'cyan';

const CODES: Readonly<Record<Colour, readonly [number, number]>> = {
  bold: [1, 22],
  dim: [2, 22],
  red: [31, 39],
  green: [32, 39],
  yellow: [33, 39],
  cyan: [36, 39],
};

/** Enough to read by; more redraws only cost. */
const REDRAW_MS = 80;

export class Terminal {
  private readonly live: boolean;
  private readonly coloured: boolean;
  private drawnAt = 0;
  private drawn = false;

  constructor(private readonly stream: WriteStream) {
    this.live = stream.isTTY === true;
    // hasColors knows of NO_COLOR, FORCE_COLOR and terminals that cannot.
    this.coloured = this.live && stream.hasColors();
  }

  paint(colour: Colour, text: string): string {
    const [on, off] = CODES[colour];
    return this.coloured ? `\u001b[${on}m${text}\u001b[${off}m` : text;
  }

  say(line = ''): void {
    this.clear();
    this.stream.write(`${line}\n`);
  }

  /** Draws one line over the last one drawn; only on a terminal. */
  progress(done: number, total: number, note: string): void {
    if (!this.live || (performance.now() - this.drawnAt < REDRAW_MS && done < total)) return;
    this.drawnAt = performance.now();
    const width = 30;
    const full = Math.round((done / total) * width);
    const bar = this.paint('cyan', '━'.repeat(full)) + this.paint('dim', '─'.repeat(width - full));
    const room = Math.max(0, (this.stream.columns || 80) - width - 14);
    this.stream.write(`\r\u001b[K  ${bar} ${String(done).padStart(3)}/${total} ${note.slice(0, room)}`);
    this.drawn = true;
  }

  clear(): void {
    if (this.drawn) this.stream.write('\r\u001b[K');
    this.drawn = false;
  }
}
