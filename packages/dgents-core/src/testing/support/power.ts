import type { Durability } from '../../backend.js';
import type { Facts } from '../kit.js';

/** What the kit has no means to try, said where it is claimed: `power` is more than survives a kill. */
export function statePower<Bench>(fact: Facts<Bench>, { durability }: { durability: Durability }): void {
  if (durability !== 'power') return;
  fact.untested(
    'what was acknowledged is there after a power cut',
    'a power cut: the kit can only kill processes',
  );
}
