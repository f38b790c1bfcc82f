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

/** A wrapper that changes nothing: what a wrapper author starts from. */
export class PassThrough implements DataAgent<unknown> {
  constructor(protected readonly inner: DataAgent<unknown>) {}

  get capabilities(): Capabilities {
    return this.inner.capabilities;
  }

  async ready(options?: CallOptions): Promise<Capabilities> {
    await this.inner.ready(options);
    return this.capabilities;
  }

  load(options?: LoadOptions): Promise<unknown> {
    return this.inner.load(options);
  }

  read(options?: LoadOptions): Promise<Versioned<unknown>> {
    return this.inner.read(options);
  }

  save(state: unknown, options?: SaveOptions): Promise<number> {
    return this.inner.save(state, options);
  }

  update(change: (draft: unknown) => unknown, options?: UpdateOptions): Promise<Versioned<unknown>> {
    return this.inner.update(change, options);
  }

  history(limit?: number, options?: LoadOptions): Promise<unknown[]> {
    return this.inner.history(limit, options);
  }

  timeline(options?: TimelineOptions): AsyncIterable<Versioned<unknown> | Deleted> {
    return this.inner.timeline(options);
  }

  watch(options?: WatchOptions): AsyncIterable<Versioned<unknown> | Deleted> {
    return this.inner.watch(options);
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
