/**
 * The names in use, after the OpenTelemetry semantic conventions 1.44: those of database clients, which are stable, and
 * our own, which begin with `dgents.`.
 */
import { type Attributes, SpanKind } from '@opentelemetry/api';
import type { BackendEvent, OperationEvent } from '../observe/events.js';

/** The scope that spans and metrics are made in. */
export const SCOPE = 'dgents';

export const DURATION = 'db.client.operation.duration';
/** In seconds; advised by the conventions. */
export const DURATION_BOUNDARIES: number[] = [0.001, 0.005, 0.01, 0.05, 0.1, 0.5, 1, 5, 10];
export const RECORD_SIZE = 'dgents.record.size';
export const CONFLICTS = 'dgents.conflicts';
export const RESENDS = 'dgents.resends';

export const ERROR_TYPE = 'error.type';
export const ABANDONED = 'dgents.abandoned';

/** Where the conventions have a name for what a backend keeps its logs in. */
const SYSTEMS: Readonly<Record<string, string>> = {
  memory: 'dgents',
  file: 'dgents',
  postgres: 'postgresql',
  pglite: 'postgresql',
};

/** A call as spans and metrics name it. */
export interface Named {
  readonly span: string;
  readonly kind: SpanKind;
  readonly attributes: Attributes;
  /** Few different ones: a series is kept for each. */
  readonly onMetrics: Attributes;
}

/** What is known of a call before it begins. */
export interface Place {
  readonly operation: string;
  readonly backend: string;
  readonly collection: string | undefined;
  readonly namespace: string | undefined;
  /** Undefined: not to be recorded. */
  readonly key: string | undefined;
}

export function named({ operation, backend, collection, namespace, key }: Place): Named {
  const target = collection ?? namespace;
  const onMetrics: Attributes = {
    'db.system.name': SYSTEMS[backend] ?? backend.toLowerCase(),
    'db.operation.name': operation,
    ...(collection === undefined ? {} : { 'db.collection.name': collection }),
    ...(namespace === undefined ? {} : { 'db.namespace': namespace }),
    'dgents.backend': backend,
  };
  return {
    span: target === undefined ? operation : `${operation} ${target}`,
    // The conventions leave it open for databases in memory.
    kind: backend === 'memory' ? SpanKind.INTERNAL : SpanKind.CLIENT,
    attributes: key === undefined ? onMetrics : { ...onMetrics, 'dgents.key': key },
    onMetrics,
  };
}

/** What the operations under one span have told, taken together. */
export type Details = { -readonly [K in Summed | 'version' | 'combined']?: number } & { replayed?: boolean };

type Summed = (typeof SUMMED)[number];
const SUMMED = ['bytes', 'attempts', 'conflicts', 'resent', 'items'] as const;

export function addDetails(details: Details, event: OperationEvent): void {
  for (const field of SUMMED) {
    const value = event[field];
    if (value !== undefined) details[field] = (details[field] ?? 0) + value;
  }
  if (event.version !== undefined) details.version = event.version;
  if (event.combined !== undefined) details.combined = event.combined;
  if (event.replayed === true) details.replayed = true;
}

export function detailAttributes(details: Details): Attributes {
  const { version, bytes, attempts, conflicts, resent, combined, replayed, items } = details;
  const attributes: Attributes = {};
  if (version !== undefined) attributes['dgents.version'] = version;
  if (bytes !== undefined) attributes[RECORD_SIZE] = bytes;
  if (attempts !== undefined) attributes['dgents.attempts'] = attempts;
  if (conflicts !== undefined) attributes[CONFLICTS] = conflicts;
  if (resent !== undefined) attributes[RESENDS] = resent;
  if (combined !== undefined) attributes['dgents.combined'] = combined;
  if (replayed !== undefined) attributes['dgents.replayed'] = replayed;
  if (items !== undefined) attributes['dgents.items'] = items;
  return attributes;
}

export function backendCallAttributes(event: BackendEvent): Attributes {
  const attributes: Attributes = {};
  for (const field of ['version', 'records', 'bytes', 'appends', 'conflicts', 'replayed'] as const) {
    const value = event[field];
    if (value !== undefined) attributes[`dgents.${field}`] = value;
  }
  return attributes;
}
