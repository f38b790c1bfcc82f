/** What children do with an event stream. */
import type { EventStream, StreamEvent } from '../stream-subject.js';
import { hold, puts } from '../support/tally.js';
import type { Job, KillPoint } from './jobs.js';
import { dieSoon, theEnd } from './kill.js';
import { tell, told } from './messages.js';

type Open = (key: string) => Promise<EventStream>;
type Work<Name extends Job['do']> = Extract<Job, { readonly do: Name }>;

/** How many events the appends have, one after the other, over and over. */
const SIZES = [1, 3, 2];

/** All events of the appends from one number to another, both included. */
export function numbered(from: number, to: number): StreamEvent[] {
  const events: StreamEvent[] = [];
  for (let n = from; n <= to; n++) events.push(...puts(n, n + (SIZES[n % SIZES.length] as number) - 1));
  return events;
}

export function numberedId(number: number): string {
  return `append-${number}`;
}

export async function append(open: Open, { key, who, times }: Work<'append'>): Promise<void> {
  tell({ ready: true });
  await told();
  const stream = await open(key);
  const versions: number[] = [];
  for (let n = 0; n < times; n++) versions.push((await stream.append(hold([who, n]))).version);
  await stream.close();
  tell({ versions });
}

/** Tells the number of appends that are there, and then each that was acknowledged. */
export async function appendNumbered(open: Open, { key, kill }: Work<'append numbered'>): Promise<void> {
  const stream = await open(key);
  let number = await numberIn(stream);
  tell({ found: number });
  for (let n = 1; ; n++) {
    const mine = kill?.append === n ? kill : undefined;
    number += 1;
    const answer = stream.append(numbered(number, number), { messageId: numberedId(number) });
    if (mine?.at === 'called' || mine?.at === 'microtasks' || mine?.at === 'turns') dieSoon(mine);
    await answer;
    tell({ acked: number });
    if (mine?.at === 'acknowledged') dieSoon(mine);
    if (mine?.at === 'closing') await dieClosing(stream, number + 1, mine);
  }
}

async function numberIn(stream: EventStream): Promise<number> {
  let count = 0;
  for await (const _ of stream.events()) count += 1;
  let number = 0;
  while (numbered(1, number).length < count) number += 1;
  return number;
}

async function dieClosing(stream: EventStream, number: number, kill: KillPoint): Promise<void> {
  stream.append(numbered(number, number), { messageId: numberedId(number) }).catch(() => undefined);
  stream.close().catch(() => undefined);
  dieSoon(kill);
  await theEnd();
}
