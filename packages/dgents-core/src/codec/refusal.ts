import { StateSerializationError } from '../errors.js';
import { formatPath, type PathSegment } from './path.js';

/** The deepest nesting that any codec accepts: `JSON.stringify` overflows the stack at about twice as much. */
export const HARD_MAX_DEPTH = 2000;

/** Thrown inside the codec when a value certainly weighs more than allowed. */
export class Oversize {
  constructor(readonly bytes: number) {}
}

/**
 * Thrown inside the codec while the walk unwinds: each level adds where it was, so the happy path keeps no path at
 * all. Deliberately not an Error: no stack is captured, and it never leaves the codec.
 */
export class Refusal {
  /** Innermost first. */
  private readonly frames: { container: object; segments: readonly PathSegment[] }[] = [];

  constructor(
    readonly reason: string,
    readonly cause?: unknown,
  ) {}

  /** Notes that it happened below `container`, at `segments`. */
  static at(error: unknown, container: object, ...segments: PathSegment[]): Refusal {
    if (error instanceof Oversize) throw error;
    const refusal = error instanceof Refusal ? error : Refusal.of(error);
    refusal.frames.push({ container, segments });
    return refusal;
  }

  /** Whatever else was thrown on the way: by a trap of a Proxy, a hook of a class, or a stack that ran out. */
  static of(error: unknown): Refusal {
    return new Refusal(
      isStackOverflow(error) ? 'nested too deeply for the stack' : 'reading it threw',
      error,
    );
  }

  /** What happened and where, below `base`. Only something nested too deeply can be a cycle. */
  summary(base: readonly PathSegment[] = []): { reason: string; path: string } {
    const frames = this.frames.slice().reverse();
    const pathOf = (depth: number) =>
      formatPath([...base, ...frames.slice(0, depth).flatMap((f) => f.segments)]);
    const cycle = findCycle(frames);
    if (!cycle) return { reason: this.reason, path: pathOf(frames.length) };
    return { reason: `a cycle, it leads back to ${pathOf(cycle.from)}`, path: pathOf(cycle.to) };
  }

  toError(base: readonly PathSegment[], key: string | undefined): StateSerializationError {
    const { reason, path } = this.summary(base);
    return new StateSerializationError(`Cannot store ${shorten(path)}: ${reason}`, {
      path,
      cause: this.cause,
      key,
    });
  }
}

/** The first container that occurs twice on the way down, as the numbers of its two frames. */
function findCycle(frames: readonly { container: object }[]): { from: number; to: number } | undefined {
  const seen = new Map<object, number>();
  for (const [to, { container }] of frames.entries()) {
    const from = seen.get(container);
    if (from !== undefined) return { from, to };
    seen.set(container, to);
  }
  return undefined;
}

/** The path of something a thousand levels down does not belong whole into a message; `error.path` has it. */
export function shorten(path: string): string {
  return path.length <= 200 ? path : `${path.slice(0, 120)} … ${path.slice(-60)}`;
}

export function isStackOverflow(error: unknown): boolean {
  return error instanceof Error && error.message === 'Maximum call stack size exceeded';
}
