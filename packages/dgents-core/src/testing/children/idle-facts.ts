/** That what is open does not hold its process. Both benches have what it takes. */
import type { Facts } from '../kit.js';
import { endsByItself, type Home } from './child.js';
import type { Job } from './jobs.js';
import { withFreshPlace } from './places.js';

/** States the fact for handles or agents; in a process of its own, since the runner holds this one. */
export function stateIdle<
  Bench extends { readonly subject: Home['subject'] & Parameters<typeof withFreshPlace>[0] },
>(fact: Facts<Bench>, { importFrom }: Home['subject'], what: 'a handle' | 'an agent'): void {
  const name = `${what} that was used and left open does not keep its process alive`;
  if (importFrom === undefined) {
    fact.untested(name, 'the subject has no `importFrom` to open it in a process of its own');
    return;
  }
  const job: Job = { do: what === 'a handle' ? 'idle' : 'idle agent', key: 'state' };
  fact(
    name,
    ({ subject }) => withFreshPlace(subject, (place) => endsByItself({ subject, place }, job, 'read')),
    60_000,
  );
}
