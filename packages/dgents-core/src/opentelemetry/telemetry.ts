/** Makes spans and metrics of calls: the one place that knows the OpenTelemetry API. */
import {
  type Attributes,
  type Context,
  type Counter,
  context,
  diag,
  type Histogram,
  metrics,
  type Span,
  SpanKind,
  SpanStatusCode,
  type Tracer,
  trace,
} from '@opentelemetry/api';
import type { OperationEvent } from '../observe/events.js';
import {
  ABANDONED,
  addDetails,
  CONFLICTS,
  type Details,
  DURATION,
  DURATION_BOUNDARIES,
  detailAttributes,
  ERROR_TYPE,
  type Named,
  named,
  RECORD_SIZE,
  RESENDS,
  SCOPE,
} from './conventions.js';
import { checkTelemetry, type TelemetryOptions } from './options.js';

export class Telemetry {
  private readonly tracer: Tracer;
  private readonly duration: Histogram;
  private readonly recordSize: Histogram;
  private readonly conflicts: Counter;
  private readonly resends: Counter;

  /** @throws TypeError when an option cannot be meant */
  constructor(private readonly options: TelemetryOptions) {
    checkTelemetry(options);
    this.tracer = (options.tracerProvider ?? trace).getTracer(SCOPE);
    const meter = (options.meterProvider ?? metrics).getMeter(SCOPE);
    this.duration = meter.createHistogram(DURATION, {
      description: 'Duration of database client operations.',
      unit: 's',
      advice: { explicitBucketBoundaries: DURATION_BOUNDARIES },
    });
    this.recordSize = meter.createHistogram(RECORD_SIZE, {
      description: 'What the record of a write weighs.',
      unit: 'By',
      advice: { explicitBucketBoundaries: [64, 256, 1024, 4096, 16_384, 65_536, 262_144, 1_048_576] },
    });
    this.conflicts = meter.createCounter(CONFLICTS, {
      description: 'Writes that another one came before; they were made again.',
      unit: '{conflict}',
    });
    this.resends = meter.createCounter(RESENDS, {
      description: 'Writes sent again since the answer of the store got lost.',
      unit: '{resend}',
    });
  }

  name(operation: string, backend: string, key: string | undefined): Named {
    const { namespace, recordKeys } = this.options;
    return named({
      operation,
      backend,
      collection: this.collectionOf(key),
      namespace,
      key: recordKeys === true ? key : undefined,
    });
  }

  private collectionOf(key: string | undefined): string | undefined {
    const { collection } = this.options;
    if (typeof collection !== 'function') return collection;
    try {
      return collection(key);
    } catch (error) {
      // What is observed goes on.
      diag.error('The function given to dgents as `collection` threw.', error);
      return undefined;
    }
  }

  /** Begins a span. @param isTimed whether its duration goes into the histogram: that of a stream is its consumer's */
  begin(call: Named, isTimed: boolean, parent: Context = context.active()): Recording {
    const { span: name, kind, attributes } = call;
    const span = this.tracer.startSpan(name, { kind, attributes }, parent);
    const begunAt = performance.now();
    return new Recording(span, trace.setSpan(parent, span), (details, error) => {
      const onMetrics = error === undefined ? call.onMetrics : { ...call.onMetrics, [ERROR_TYPE]: error };
      if (isTimed) this.duration.record((performance.now() - begunAt) / 1000, onMetrics);
      const { bytes, conflicts, resent } = details;
      if (bytes !== undefined) this.recordSize.record(bytes, call.onMetrics);
      if (conflicts) this.conflicts.add(conflicts, call.onMetrics);
      if (resent) this.resends.add(resent, call.onMetrics);
    });
  }

  /** Begins a span of what is done for another one. It is not measured. */
  beginInternal({ span: name, attributes }: Named, parent: Context = context.active()): Recording {
    const span = this.tracer.startSpan(name, { kind: SpanKind.INTERNAL, attributes }, parent);
    return new Recording(span, trace.setSpan(parent, span), () => undefined);
  }
}

/** A span under way. */
export class Recording {
  private readonly details: Details = {};
  isOpen = true;

  constructor(
    private readonly span: Span,
    /** The context in which what it stands for runs. */
    readonly context: Context,
    private readonly measure: (details: Details, error: string | undefined) => void,
  ) {}

  /** Takes over what an operation has told. */
  note(event: OperationEvent): void {
    if (this.isOpen) addDetails(this.details, event);
  }

  set(attributes: Attributes): void {
    if (this.isOpen) this.span.setAttributes(attributes);
  }

  /**
   * Ends it once.
   * @param error the code or name of what it failed with. Messages stay here: they hold keys, and may quote states
   */
  end(error?: string): void {
    if (!this.isOpen) return;
    this.close(error);
    this.measure(this.details, error);
  }

  /** Ends the span of a stream that nobody reads any more: it is told, and not measured. */
  abandon(): void {
    if (!this.isOpen) return;
    this.span.setAttribute(ABANDONED, true);
    this.close(undefined);
  }

  private close(error: string | undefined): void {
    this.isOpen = false;
    if (this.span.isRecording()) this.span.setAttributes(detailAttributes(this.details));
    if (error !== undefined) {
      this.span.setAttribute(ERROR_TYPE, error);
      this.span.setStatus({ code: SpanStatusCode.ERROR });
    }
    this.span.end();
  }
}
