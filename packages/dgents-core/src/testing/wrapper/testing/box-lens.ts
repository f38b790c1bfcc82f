import type {
  CallOptions,
  Capabilities,
  DataAgent,
  Deleted,
  DeleteOptions,
  LoadOptions,
  SaveOptions,
  TimelineOptions,
  UpdateOptions,
  Versioned,
  WatchOptions,
} from '../../../data-agent.js';
import type { AgentSettings } from '../../agent-subject.js';
import type { WrapperSubject } from '../subject.js';

/** What the agent inside keeps: the state that is seen from outside, and something that is nobody's business there. */
interface Box {
  label: string;
  inside: unknown;
}

const box = (inside: unknown): Box => ({ label: 'a box', inside });

/** What a box adds to the text of its state. */
const BOX_BYTES = JSON.stringify(box(0)).length - 1;

/** A wrapper that shows a part of the state inside as its own. */
export class BoxLens implements DataAgent<unknown> {
  constructor(private readonly inner: DataAgent<Box>) {}

  get capabilities(): Capabilities {
    return this.inner.capabilities;
  }

  ready(options?: CallOptions): Promise<Capabilities> {
    return this.inner.ready(options);
  }

  async load(options?: LoadOptions): Promise<unknown> {
    return (await this.inner.load(options)).inside;
  }

  async read(options?: LoadOptions): Promise<Versioned<unknown>> {
    return unboxed(await this.inner.read(options));
  }

  save(state: unknown, options?: SaveOptions): Promise<number> {
    if (state === undefined) return Promise.reject(new TypeError('`undefined` is not a state.'));
    return this.inner.save(box(state), options);
  }

  async update(change: (draft: unknown) => unknown, options?: UpdateOptions): Promise<Versioned<unknown>> {
    // What is returned here is returned inside, so that the rules for recipes are kept there.
    const changeBox = (draft: Box): Box | void => {
      const { inside } = draft;
      const next = change(inside);
      if (next === undefined || next === inside) return undefined;
      return isPromise(next) ? (next as never) : { ...draft, inside: next };
    };
    return unboxed(await this.inner.update(changeBox, options));
  }

  async history(limit?: number, options?: LoadOptions): Promise<unknown[]> {
    return (await this.inner.history(limit, options)).map(({ inside }) => inside);
  }

  timeline(options?: TimelineOptions): AsyncIterable<Versioned<unknown> | Deleted> {
    return eachUnboxed(this.inner.timeline(options));
  }

  watch(options?: WatchOptions): AsyncIterable<Versioned<unknown> | Deleted> {
    return eachUnboxed(this.inner.watch(options));
  }

  delete(options?: DeleteOptions): Promise<boolean> {
    return this.inner.delete(options);
  }

  close(): Promise<void> {
    return this.inner.close();
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }
}

function isPromise(value: unknown): boolean {
  return typeof (value as { then?: unknown } | null)?.then === 'function';
}

/** The same place in the log; the state is taken out when it is looked at. */
function unboxed({ version, head, savedAt, meta, ...rest }: Versioned<Box>): Versioned<unknown> {
  return { version, head, savedAt, meta, deleted: false, state: rest.state.inside };
}

async function* eachUnboxed(
  items: AsyncIterable<Versioned<Box> | Deleted>,
): AsyncGenerator<Versioned<unknown> | Deleted> {
  for await (const item of items) yield item.deleted ? item : unboxed(item);
}

/** The lens as a subject: its states can be anything that the kit makes of a number. */
export const boxed = {
  claims: {},
  wrap: (inner: DataAgent<Box>) => new BoxLens(inner),
  inner: ({ initial, codec = {}, ...settings }: AgentSettings): AgentSettings => ({
    ...settings,
    ...(initial !== undefined && { initial: () => box(initial()) }),
    codec: {
      ...(codec.maxBytes !== undefined && { maxBytes: codec.maxBytes + BOX_BYTES }),
      ...(codec.maxDepth !== undefined && { maxDepth: codec.maxDepth + 1 }),
    },
  }),
  states: {
    of: (number: number) => ({ number, twice: [number, number] }),
    numberOf: (state: unknown) => (state as { number: number }).number,
  },
} satisfies Omit<WrapperSubject<Box>, 'name'>;
