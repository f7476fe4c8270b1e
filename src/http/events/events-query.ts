/**
 * The query of the event feed, parsed: which events, in which order, and for how long to wait. Knows no log: whether a position exists
 * is decided in `positions.ts`.
 */
import { EVENTS_PARAMETERS } from '../../api/specs/log.js';
import type { AppError } from '../../base/app-error.js';
import { parseRfc3339 } from '../../base/rfc3339.js';
import { PROJECT_OPERATIONS } from '../../events/codec.js';
import { findKeyFault, KEY_BYTES_LIMIT } from '../../events/key-name.js';
import type { EventFilter } from '../../store/event-filter.js';
import { invalidQuery } from '../query.js';

/** A place in a log, as a client names it. */
export type Position =
  /** The line of a seq; with the first 8 digits of its hash, that very line. */
  | { readonly kind: 'seq'; readonly seq: number; readonly hash: string | undefined }
  | { readonly kind: 'now' }
  /** Everything before the first line that is later. */
  | { readonly kind: 'time'; readonly timeMs: number };

/** A parsed query. */
export interface EventsQuery {
  readonly since: Position | undefined;
  readonly until: Position | undefined;
  readonly filter: EventFilter;
  readonly limit: number | undefined;
  readonly isNewestFirst: boolean;
  /** How long to wait for an event; undefined: not at all. */
  readonly waitMs: number | undefined;
  readonly isFollowed: boolean;
}

/** Those that the route has, as text. */
type EventsParameters = Readonly<Partial<Record<keyof typeof EVENTS_PARAMETERS, string>>>;

const KEY_FORM = `a key: 1 to ${KEY_BYTES_LIMIT} bytes of UTF-8 without control characters`;
const MS_PER_SECOND = 1000;

/**
 * Converts the parameters of the events.
 *
 * @throws {AppError} `invalid_query`
 */
export function readEventsQuery(parameters: EventsParameters): EventsQuery {
  const { since, until, key, prefix, op, actor, limit, order, wait_seconds: waitSeconds, follow } = parameters;
  if (key !== undefined && findKeyFault(key) !== undefined) throw invalidParameter('key', KEY_FORM);
  if (op !== undefined && !PROJECT_OPERATIONS.includes(op)) throw invalidParameter('op', `one of ${PROJECT_OPERATIONS.join(', ')}`);
  return {
    since: since === undefined ? undefined : positionIn('since', since),
    until: until === undefined ? undefined : positionIn('until', until),
    filter: { key, prefix, op, actor },
    limit: limit === undefined ? undefined : Number(limit),
    isNewestFirst: order === 'desc',
    waitMs: waitSeconds === undefined ? undefined : Number(waitSeconds) * MS_PER_SECOND,
    isFollowed: follow === 'true',
  };
}

function positionIn(name: string, text: string): Position {
  const position = parsePosition(text);
  const timeMs = position === undefined ? parseRfc3339(text) : undefined;
  if (timeMs !== undefined) return { kind: 'time', timeMs };
  if (position === undefined) throw invalidParameter(name, EVENTS_PARAMETERS.since.schema.description);
  return position;
}

/** Parses `<seq>`, `<seq>-<8 hexadecimal digits>` or `now`; undefined if a text is none of them. */
export function parsePosition(text: string): Position | undefined {
  if (text === 'now') return { kind: 'now' };
  const [, digits, hash] = /^(0|[1-9]\d{0,15})(?:-([0-9a-f]{8}))?$/.exec(text) ?? [];
  const seq = Number(digits);
  return Number.isSafeInteger(seq) ? { kind: 'seq', seq, hash } : undefined;
}

/** The refusal of a parameter whose value is not what it must be. */
function invalidParameter(parameter: string, expected: string): AppError {
  return invalidQuery(`the parameter "${parameter}" must be ${expected}`, parameter);
}

/** The refusal of a parameter that does not go with the rest of the request. */
export function unfitParameter(parameter: string, reason: string): AppError {
  return invalidQuery(`the parameter "${parameter}" ${reason}`, parameter);
}
