import type { Facts } from '../kit.js';
import { SubjectError } from './verdicts.js';

/** A claim that only processes of their own can hold to account, with nothing to start them with. */
export function needsModule<Bench>(fact: Facts<Bench>, claimed: string): void {
  fact(`what is claimed can be tested in processes of its own: ${claimed}`, async () => {
    throw new SubjectError(
      `The subject claims ${claimed}, and the kit has no way to open it in another process. Hand in \`importFrom\`: the ` +
        'path or URL of a JavaScript module that exports `open`, and let `create` give a place that survives JSON. ' +
        'Where that cannot be, name this promise in `waivers` with the reason.',
    );
  });
}
