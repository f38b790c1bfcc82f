/** The class that a backend begins with: its methods are there, and throw. */
import { claiming } from 'dgents-core';

class Skeleton {
  name = 'skeleton';
  capabilities = claiming({
    limits: { keyBytes: 1_024, recordBytes: 2 ** 22, recordsPerAppend: 1_000, appendsPerCommit: 1_000 },
  });
  ready = todo;
  read = todo;
  commit = todo;
  checkpoint = todo;
  range = todo;
  trim = todo;
  keys = todo;
  close = todo;
}

function todo() {
  throw new Error('not written yet', { cause: new RangeError('the table is missing') });
}

export const name = 'skeleton';
export const claims = {};
export const create = () => 'a place';
export const open = () => new Skeleton();
export const destroy = () => undefined;
export const damge = () => undefined;
