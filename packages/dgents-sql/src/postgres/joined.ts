/** Work of the caller's in the transaction of a commit. */
import { StorageTimeoutError, WorkFailedError } from 'dgents-core';
import type { PostgresClient, PostgresResult } from '../drivers.js';
import { isConnectionLoss, isReadTimeout, serverRefused, sqlStateOf } from './errors.js';

export type Within = (client: unknown) => unknown;

/** A connection on which a transaction has begun. */
export interface Begun {
  /** One statement. */
  query(text: string, values: readonly unknown[]): Promise<PostgresResult<unknown>>;
  /** Several at once. */
  exec(text: string): Promise<unknown>;
  /** What is left of the deadline, in milliseconds; undefined where there is none. */
  readonly leftMs?: number | undefined;
  /** Leaves a statement that may be under way where it is, for good. */
  giveUp?(): void;
}

/** The transaction was ended by the work itself: it is not known what of it was kept. */
class EndedByWork extends Error {}

/** What is deferred to the commit is decided here, where it still is the fault of the work. */
const END = 'SET CONSTRAINTS ALL IMMEDIATE; RELEASE SAVEPOINT dgents_within';

/**
 * Runs the work, and finds out whether the transaction is still the same one and can be committed: the savepoint is not
 * there otherwise.
 *
 * @throws WorkFailedError where the transaction is to be rolled back; anything else where it, or its connection, is lost
 */
export async function joined(begun: Begun, within: Within): Promise<void> {
  const { leftMs } = begun;
  await begun.exec(`SAVEPOINT dgents_within${leftMs === undefined ? '' : limit(leftMs)}`);
  const client = new Client(begun);
  try {
    await untilLate(leftMs, client, async () => within(client.handed));
  } catch (cause) {
    if (cause instanceof TooLate) begun.giveUp?.();
    else if (client.lost !== undefined) throw client.lost;
    throw new WorkFailedError(cause);
  } finally {
    client.isOver = true;
  }
  try {
    await begun.exec(END);
  } catch (cause) {
    const code = sqlStateOf(cause);
    if (code === '25P01' || code === '3B001') throw new EndedByWork('', { cause });
    if (!serverRefused(cause)) throw cause;
    // A statement failed, and the work went on as if it had not.
    throw new WorkFailedError(code === '25P02' ? (client.refusal ?? cause) : cause);
  }
}

/** The server gives up too: a statement must not hold locks for longer than anybody waits for it. */
function limit(leftMs: number): string {
  return `; SET LOCAL statement_timeout = ${Math.ceil(leftMs)}`;
}

/** What the work is given, and what became of its statements. */
class Client {
  isOver = false;
  /** How the connection was lost, if it was. */
  lost: unknown;
  /** Whether a statement took all of the time. Timers of the driver may be over a little before it is. */
  isLate = false;
  /** The last statement that the server refused. */
  refusal: unknown;
  readonly handed: PostgresClient;

  constructor(private readonly begun: Begun) {
    this.handed = Object.freeze({
      query: <Row>(text: string, values: readonly unknown[] = []) =>
        this.query(text, values) as Promise<PostgresResult<Row>>,
    });
  }

  private async query(text: string, values: readonly unknown[]): Promise<PostgresResult<unknown>> {
    if (this.isOver) throw new TypeError('The transaction that this client belonged to is over.');
    if (endsTransaction(text)) {
      throw new TypeError(
        'The transaction is that of the commit: the work within it neither begins nor ends one.',
      );
    }
    try {
      return await this.begun.query(text, values);
    } catch (error) {
      if (isReadTimeout(error)) this.isLate = true;
      else if (isConnectionLoss(error)) this.lost = error;
      else this.refusal = error;
      throw error;
    }
  }
}

const CONTROL =
  /^(?:begin|start|commit|end|abort|rollback(?!\s+(?:(?:work|transaction)\s+)?to\b)|prepare(?:\s|\/\*[\s\S]*?\*\/|--.*\n)+transaction)\b/i;

/** One that hides it better is found out by the savepoint. */
function endsTransaction(text: string): boolean {
  return CONTROL.test(withoutLead(text));
}

/** What follows the spaces and comments in front. */
function withoutLead(text: string): string {
  const rest = text.replace(/^[\s;]+/, '');
  if (rest.startsWith('--')) return rest.includes('\n') ? withoutLead(rest.slice(rest.indexOf('\n'))) : '';
  return rest.startsWith('/*') ? withoutLead(rest.slice(endOfComment(rest))) : rest;
}

/** Comments of Postgres nest. */
function endOfComment(text: string): number {
  let depth = 0;
  for (const { 0: mark, index } of text.matchAll(/\/\*|\*\//g)) {
    depth += mark === '/*' ? 1 : -1;
    if (depth === 0) return index + 2;
  }
  return text.length;
}

/** Rejects once the time is over, whatever the work says: it may say so itself, as its statements have the same time. */
async function untilLate(
  leftMs: number | undefined,
  client: Client,
  work: () => Promise<unknown>,
): Promise<void> {
  if (leftMs === undefined) return void (await work());
  const deadline = performance.now() + leftMs;
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new TooLate(leftMs)), leftMs);
  });
  try {
    await Promise.race([work(), late]);
  } catch (error) {
    throw client.isLate || performance.now() >= deadline - 1 ? new TooLate(leftMs, error) : error;
  } finally {
    clearTimeout(timer);
  }
}

class TooLate extends StorageTimeoutError {
  constructor(leftMs: number, cause?: unknown) {
    const message = `The work within the transaction did not end within ${Math.ceil(leftMs)} ms.`;
    super(message, { timeoutMs: leftMs, cause });
    this.name = 'StorageTimeoutError';
  }
}
