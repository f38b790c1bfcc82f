/** The whole kit around a part of a state, by a path and by a lens of one's own. */
import { createHash } from 'node:crypto';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { DataAgent } from '../data-agent.js';
import { StateNotFoundError } from '../errors.js';
import { PersistentAgent } from '../file/persistent-agent.js';
import type { AgentOptions } from '../state/agent.js';
import type { AgentSettings } from '../testing/agent-subject.js';
import { describeDataAgent, describeWrapper, type WrapperSubject } from '../testing/index.js';
import { type Lens, LensAgent, lens, whole } from './index.js';

interface Box {
  label: string;
  inside: unknown;
}

const EMPTY = { label: 'a box' } as Box;
/** What a box adds to the text of its state. */
const BOX_BYTES = JSON.stringify({ ...EMPTY, inside: 0 }).length - 1;

const boxed = (what: Lens<Box, unknown>): Omit<WrapperSubject<Box>, 'name'> => ({
  claims: { saves: 'by update', delete: false, weighs: false, closesInner: false },
  wrap: (inner: DataAgent<Box>) => new LensAgent(inner, what),
  inner: ({ initial, codec = {}, ...settings }: AgentSettings): AgentSettings => ({
    ...settings,
    initial: () => (initial === undefined ? EMPTY : { ...EMPTY, inside: initial() }),
    codec: {
      ...(codec.maxBytes !== undefined && { maxBytes: codec.maxBytes + BOX_BYTES }),
      ...(codec.maxDepth !== undefined && { maxDepth: codec.maxDepth + 1 }),
    },
  }),
  waivers: { limits: 'what is refused, and told, is the weight of the whole' },
});

const byPath = boxed(whole<Box>().at(['inside']));

/** The same part, of which nothing is known but how to get and set it. */
const byFunctions = boxed(
  lens<Box, unknown>(
    (box) => {
      if (box.inside === undefined) throw new StateNotFoundError('The box is empty.');
      return box.inside;
    },
    (box, inside) => ({ ...box, inside }),
  ),
);

describeWrapper({ describe, test, name: 'a lens', ...byPath });

describeDataAgent({
  describe,
  test,
  name: 'a lens on a file',
  claims: { durability: 'power', sharing: 'host', delete: false, weighs: false },
  importFrom: new URL('../../test/subjects/lens-on-file.mjs', import.meta.url),
  create: () => mkdtempSync(join(tmpdir(), 'dgents-lens-')),
  open: (place, { key, ...settings }) => {
    const name = createHash('sha256').update(key, 'utf16le').digest('hex');
    const { key: _, ...options } = byPath.inner!({ key, ...settings });
    const parent = new PersistentAgent<Box>({
      ...(options as AgentOptions<Box>),
      path: join(place, `${name}.jsonl`),
    });
    const part = new LensAgent(parent, whole<Box>().at(['inside']));
    // The kit has only the part in its hands.
    const close = part.close.bind(part);
    part.close = () => close().then(() => parent.close());
    return part;
  },
  destroy: (place) => rmSync(place, { recursive: true, force: true }),
  ...(byPath.waivers !== undefined && { waivers: byPath.waivers }),
});

describeWrapper({ describe, test, name: 'a lens of one’s own', ...byFunctions });
