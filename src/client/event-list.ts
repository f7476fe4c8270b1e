/**
 * The history of a project or of a key: pages of events.
 */
import { atText, nextPageQuery, queryOf } from './addresses.js';
import { type ChangeEvent, type EventOp, eventOfLine } from './change-events.js';
import { jsonOf } from './http.js';
import { itemTexts, memberTexts } from './json-texts.js';
import type { ProjectAccess } from './key-reader.js';
import type { CallOptions } from './options.js';
import { itemsOfPages } from './pages.js';

/** Which events, and in which order. */
export interface EventsOptions extends CallOptions {
  /** Only events after this: a seq, a time, or the `position` of an event. @default the oldest event that is kept */
  readonly since?: number | Date | string | undefined;
  /** Only events up to this, inclusive. */
  readonly until?: number | Date | string | undefined;
  /** Only changes of this key. */
  readonly key?: string | undefined;
  /** Only changes of keys with this prefix, and what may delete them. */
  readonly prefix?: string | undefined;
  /** Only this operation, alone or in a batch. */
  readonly op?: EventOp | undefined;
  /** Only changes whose actor contains this text. */
  readonly actor?: string | undefined;
  /** Newest first. @default false */
  readonly reverse?: boolean | undefined;
  /** At most so many, 1 or more. @default all */
  readonly limit?: number | undefined;
}

/** Events of a page, at most. */
const EVENTS_PER_PAGE = 1000;

/** Lists events. */
export function listEvents<T>(
  { path, transport, format }: ProjectAccess, options: EventsOptions,
): AsyncGenerator<ChangeEvent<T>, void, undefined> {
  const { since, until, reverse, limit = Infinity, signal, timeoutMs, ...filter } = options;
  const first = queryOf({
    ...filter, since: positionText(since), until: positionText(until), order: reverse ? 'desc' : undefined,
    limit: Math.min(limit, EVENTS_PER_PAGE),
  });
  let left = limit;
  return itemsOfPages(async (query = first, pageSignal) => {
    const answer = await transport.send({
      target: `${path}/events${query}`, signal: pageSignal, timeoutMs,
    });
    // Cutting texts apart relies on JSON being valid.
    jsonOf(answer);
    const lines = itemTexts(memberTexts(answer.text).get('events') ?? '[]').slice(0, left);
    left -= lines.length;
    return { items: lines.map((line) => eventOfLine<T>(line, format)), next: left > 0 ? nextPageQuery(answer.headers) : undefined };
  }, signal);
}

function positionText(position: number | Date | string | undefined): string | undefined {
  return position === undefined || typeof position === 'string' ? position : atText(position);
}
