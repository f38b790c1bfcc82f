/** Back in time: which version is meant, and what the projections looked like there. */
import type { Recorded } from 'dgents-stream';
import { AuditError, UsageError } from './errors.js';
import { shown } from './git/text.js';
import type { HistoryEvent } from './history.js';
import type { HistoryStream } from './importing.js';
import { MODELS, type Models } from './models/models.js';

/** The commit at a version of the stream. */
export type Moment = Recorded<HistoryEvent>;

/**
 * @param where a version of the stream, a hash or the beginning of one, or a time, which means the newest commit until then
 * @throws UsageError for what is none of those; AuditError for what is not in the stream
 */
export async function momentOf(stream: HistoryStream, where: string): Promise<Moment> {
  if (/^\d{1,15}$/.test(where)) return atVersion(stream, Number(where));
  if (/^[0-9a-f]{4,64}$/i.test(where)) return atHash(stream, where.toLowerCase());
  const time = Date.parse(where);
  if (!Number.isNaN(time)) return atTime(stream, new Date(time).toISOString(), where);
  throw new UsageError(
    `"${shown(where)}" is no version (17), no hash of a commit (4 digits or more: 1a2b3c4), and no time (2026-01-31, 2026-01-31T12:00:00Z).`,
  );
}

/** All of them, made of the events up to a version, by the very functions that the projections use. */
export async function modelsAt(stream: HistoryStream, version: number): Promise<Models> {
  const models: Models = {
    authors: MODELS.authors.initial(),
    files: MODELS.files.initial(),
    hotspots: MODELS.hotspots.initial(),
  };
  for await (const { event } of stream.events({ to: version })) {
    MODELS.authors.add(models.authors, event);
    MODELS.files.add(models.files, event);
    MODELS.hotspots.add(models.hotspots, event);
  }
  return models;
}

async function atVersion(stream: HistoryStream, version: number): Promise<Moment> {
  for await (const moment of stream.events({ from: Math.max(1, version), to: version })) return moment;
  const { version: newest } = await stream.read();
  throw new AuditError(`There is no version ${version}: the stream has 1 to ${newest}.`);
}

async function atHash(stream: HistoryStream, hash: string): Promise<Moment> {
  const found: Moment[] = [];
  for await (const moment of stream.events()) {
    if (moment.event.hash === hash) return moment;
    if (moment.event.hash.startsWith(hash)) found.push(moment);
  }
  const [moment, other] = found;
  if (moment === undefined) {
    throw new AuditError(
      `No commit that was imported begins with ${hash}. Newer ones are added by: audit-trail import.`,
    );
  }
  if (other === undefined) return moment;
  const several = found
    .slice(0, 3)
    .map(({ event }) => `${event.hash.slice(0, 12)} (${shown(event.subject)})`);
  throw new AuditError(
    `${found.length} commits begin with ${hash}: ${several.join(', ')} … Give more of the hash.`,
  );
}

/** Commit times may go back where clocks differ: what counts is which commit is the last one that is not too late. */
async function atTime(stream: HistoryStream, time: string, where: string): Promise<Moment> {
  let newest: Moment | undefined;
  let first: string | undefined;
  for await (const moment of stream.events()) {
    first ??= moment.event.committedAt;
    if (moment.event.committedAt <= time) newest = moment;
  }
  if (newest !== undefined) return newest;
  throw new AuditError(
    first === undefined
      ? 'Nothing has been imported yet: audit-trail import.'
      : `Nothing had been committed by ${where}: the first commit is of ${first}.`,
  );
}
