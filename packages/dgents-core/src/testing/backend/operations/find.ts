/** Looking operations up by their ids. */
import assert from 'node:assert/strict';
import type { Backend } from '../../../backend.js';
import type { BackendBench } from '../../backend-bench.js';
import type { Facts } from '../../kit.js';
import { lengthened } from '../../support/lengthened.js';
import { trimmed } from '../../support/readings.js';
import { appendOf, checkpointOf, commitOne, grow, record } from '../../support/records.js';

/** How many records these facts make at most: a backend may know fewer ids. */
const MOST = 4;

export function stateFind(fact: Facts<BackendBench>, claimed: boolean): void {
  if (!claimed) {
    fact('find is not offered: the method is absent', async ({ backend }) => {
      assert.equal(backend.find, undefined);
    });
    return;
  }

  fact('ids that are kept are found at their versions, others are absent', async ({ backend }) => {
    const log = await grow(backend, 'k', ['set', 'patch', 'event']);
    await known(backend, 'k', log);
    assert.deepEqual(
      await found(backend, 'k', ['nobody', '__proto__', 'toString', '', '%', log[0]!.id.slice(0, -1)]),
      {},
    );
    assert.deepEqual(await found(backend, 'k', []), {});
    const grown = await grow(backend, 'k', ['tombstone'], log);
    await known(backend, 'k', grown);
  });

  fact('an id is found in its own log only', async ({ backend }) => {
    const log = await grow(backend, 'k', ['set', 'patch']);
    await grow(backend, 'other', ['set']);
    const ids = log.map(({ id }) => id);
    assert.deepEqual(await found(backend, 'other', ids), {});
    assert.deepEqual(await found(backend, 'absent', ids), {});
  });

  fact('an id that another handle has written is found', async ({ backend, open }) => {
    const second = await open();
    const log = await grow(backend, 'k', ['set', 'patch']);
    await known(second, 'k', log);
    const grown = await grow(second, 'k', ['patch'], log);
    await known(backend, 'k', grown);
  });

  fact('what was not written is not found', async ({ backend }) => {
    const log = await grow(backend, 'k', ['set', 'patch']);
    const loser = record(2);
    await commitOne(backend, appendOf('k', log[0]!, loser));
    assert.deepEqual(await found(backend, 'k', [loser.id]), {});
    await backend.checkpoint('k', { ...checkpointOf(log[1]!), id: 'of another' });
    assert.deepEqual(await found(backend, 'k', ['of another']), {});
  });

  fact('an id that records of one append share is found at one of them', async ({ backend }) => {
    const { id } = record(1);
    const records = [1, 2, 3].map((version) => record(version, 'set', { id }));
    await commitOne(backend, appendOf('k', null, ...records));
    const { [id]: version } = await found(backend, 'k', [id]);
    assert.ok(version !== undefined && [1, 2, 3].includes(version), `found at ${version}`);
  });

  fact('an id that records share is found as long as one of them is kept', async ({ backend }) => {
    const { id } = record(1);
    const records = [1, 2, 3, 4].map((version) => record(version, 'set', { id }));
    await commitOne(backend, appendOf('k', null, ...records));
    if (!(await trimmed(backend, 'k', checkpointOf(records[1]!)))) return;
    const { [id]: version } = await found(backend, 'k', [id]);
    assert.ok(version !== undefined && [2, 3, 4].includes(version), `found at ${version}`);
  });

  fact('an id that was not there is found once it is', async ({ backend, open }) => {
    const other = await open();
    const log = [record(1), record(2, 'patch')];
    for (const [i, each] of log.entries()) {
      for (const handle of [backend, other]) assert.deepEqual(await found(handle, 'k', [each.id]), {});
      await commitOne(backend, appendOf('k', log[i - 1] ?? null, each));
      for (const handle of [backend, other])
        assert.deepEqual(await found(handle, 'k', [each.id]), { [each.id]: i + 1 });
    }
  });

  fact('ids are found as far back as is claimed, and as many at once', async ({ backend, effort }) => {
    const { idempotencyRecords } = await backend.ready();
    const log = await lengthened(backend, 'k', [], Math.min(idempotencyRecords, effort.times(1_000)));
    const versions = await found(
      backend,
      'k',
      log.map(({ id }) => id),
    );
    const missing = log.filter(({ id, version }) => versions[id] !== version);
    assert.equal(missing.length, 0, `of ${log.length} ids ${missing.length} are not found where they are`);
  });

  fact('the oldest id that is claimed to be known is found by itself', async ({ backend }) => {
    const { idempotencyRecords } = await backend.ready();
    const log = await lengthened(backend, 'k', [], Math.min(idempotencyRecords, 300));
    assert.deepEqual(await found(backend, 'k', [log[0]!.id]), { [log[0]!.id]: 1 });
  });

  fact('after a trim the id of the base is found, those from before it are not', async ({ backend }) => {
    const log = await grow(backend, 'k', ['set', 'patch', 'patch', 'patch']);
    await known(backend, 'k', log);
    for (const base of [2, 3]) {
      if (!(await trimmed(backend, 'k', checkpointOf(log[base - 1]!)))) return;
      await known(backend, 'k', log, base);
    }
  });
}

/** Looks up all of a log: those that are kept are found, as far back as is claimed. */
async function known(
  backend: Backend,
  key: string,
  log: readonly { readonly id: string; readonly version: number }[],
  floor = 1,
): Promise<void> {
  const { idempotencyRecords } = await backend.ready();
  const versions = await found(
    backend,
    key,
    [...log].reverse().map(({ id }) => id),
  );
  for (const { id, version } of log) {
    if (version < floor) assert.equal(versions[id], undefined, `version ${version} is no longer kept`);
    else if (versions[id] !== undefined || version > log.length - Math.min(idempotencyRecords, MOST)) {
      assert.equal(versions[id], version, `the operation of version ${version}`);
    }
  }
}

async function found(backend: Backend, key: string, ids: readonly string[]): Promise<Record<string, number>> {
  return Object.fromEntries(await backend.find!(key, ids));
}
