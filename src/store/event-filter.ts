/**
 * Which events a reader of the feed wants. A line is first searched for bytes that it must contain; only then are its fields compared,
 * because a value may contain the same bytes.
 */
import { isAt } from '../base/byte-scan.js';
import { type EventSelection, isSelected } from '../events/event-selection.js';
import type { EventLine } from '../log/event-lines.js';
import { eventOf } from './event-of-line.js';

/** Conditions that an event must meet, all of them. */
export interface EventFilter extends EventSelection {
  /** Text that its actor contains. */
  readonly actor?: string | undefined;
}

/** A filter that is ready for use. */
export interface EventMatcher {
  /** Bytes of which each matching line contains one; undefined if every line matches. */
  readonly wanted: readonly Buffer[] | undefined;
  matches(line: EventLine): boolean;
}

const KEY_MARK = '"key":';

/** Operations whose fields begin with their key, which are nearly all of a log: their values are not parsed. */
const PLAIN_OPS: ReadonlySet<string> = new Set(['set', 'delete']);
/** Deletions of many keys, which name none of them. */
const CLEAR_OPS = '"op":"clear';
/** Removals of keys that had expired, whose names follow no mark. */
const EXPIRE_OP = '"op":"expire"';

/** In erased lines, which have no key. */
const ERASED = Buffer.from(',"erased":true');

/**
 * Prepares a filter.
 *
 * @param hasErased whether there may be erased lines: looking for them takes time
 */
export function matcherOf(filter: EventFilter, hasErased = true): EventMatcher {
  const { key, prefix, op, actor } = filter;
  // Equal keys have equal texts, and the text of a key begins with that of its prefix, because each character is written on its own.
  const keys = [
    ...(key === undefined ? [] : [Buffer.from(KEY_MARK + JSON.stringify(key))]),
    ...(prefix === undefined ? [] : [Buffer.from(KEY_MARK + JSON.stringify(prefix).slice(0, -1))]),
  ];
  const matches = (line: EventLine): boolean => {
    if (actor !== undefined && !line.actor.includes(actor)) return false;
    if (!PLAIN_OPS.has(line.op) || line.left !== undefined) return (keys.length === 0 && op === undefined) || matchesInside(line, filter);
    return (op === undefined || line.op === op) && keys.every((text) => isAt(line.text, line.bodyStart, text));
  };
  const wanted = wantedOf(filter, keys[0]);
  return { wanted: hasErased && keys.length > 0 ? wanted?.concat(ERASED) : wanted, matches };
}

/** A key occurs in fewer lines than an operation or an actor. */
function wantedOf({ op, actor }: EventFilter, key: Buffer | undefined): readonly Buffer[] | undefined {
  if (key !== undefined) {
    const unmarked = [...(op?.startsWith('clear') ?? true ? [CLEAR_OPS] : []), ...([undefined, 'expire'].includes(op) ? [EXPIRE_OP] : [])];
    return [key, ...unmarked.map((text) => Buffer.from(text))];
  }
  if (op !== undefined) return [Buffer.from(`"op":${JSON.stringify(op)}`)];
  return actor === undefined ? undefined : [Buffer.from(JSON.stringify(actor).slice(1, -1))];
}

function matchesInside(line: EventLine, filter: EventFilter): boolean {
  return isSelected(eventOf(line), filter);
}
