/**
 * Which events a reader of the feed wants. A line is first searched for bytes that it must contain; only then are its fields compared,
 * because a value may contain the same bytes.
 */
import { isAt } from '../base/byte-scan.js';
import type { EventLine } from '../log/event-lines.js';

/** Conditions that an event must meet, all of them. */
export interface EventFilter {
  /** The key that the event names. */
  readonly key?: string | undefined;
  /** The beginning of that key. */
  readonly prefix?: string | undefined;
  readonly op?: string | undefined;
  readonly actor?: string | undefined;
}

/** A filter that is ready for use. */
export interface EventMatcher {
  /** Bytes that each matching line contains; undefined if every line matches. */
  readonly wanted: Buffer | undefined;
  matches(line: EventLine): boolean;
}

const KEY_MARK = '"key":';

/** The fields of a line, or of an operation inside one of several. */
interface Fields {
  readonly ops?: unknown;
  readonly op?: unknown;
  readonly key?: unknown;
}

/** Operations whose fields begin with their key, which are nearly all of a log: their values are not parsed. */
const PLAIN_OPS: ReadonlySet<string> = new Set(['set', 'delete']);
/** Length of `,"hash":"<64 hex>"}`, the end of every line, in bytes. */
const HASH_TAIL_BYTES = 75;

/** Prepares a filter. */
export function matcherOf(filter: EventFilter): EventMatcher {
  const { key, prefix, op, actor } = filter;
  // Equal keys have equal texts, and the text of a key begins with that of its prefix, because each character is written on its own.
  const keys = [
    ...(key === undefined ? [] : [Buffer.from(KEY_MARK + JSON.stringify(key))]),
    ...(prefix === undefined ? [] : [Buffer.from(KEY_MARK + JSON.stringify(prefix).slice(0, -1))]),
  ];
  const fields = [
    ...(op === undefined ? [] : [Buffer.from(`"op":${JSON.stringify(op)}`)]),
    ...(actor === undefined ? [] : [Buffer.from(`"actor":${JSON.stringify(actor)}`)]),
  ];
  const matches = (line: EventLine): boolean => {
    if (actor !== undefined && line.actor !== actor) return false;
    if (!PLAIN_OPS.has(line.op) && (keys.length > 0 || op !== undefined)) return matchesInside(line, filter);
    return (op === undefined || line.op === op) && keys.every((text) => isAt(line.text, line.bodyStart, text));
  };
  // A key occurs in fewer lines than an operation or an actor.
  return { wanted: [...keys, ...fields][0], matches };
}

/** A line of several operations matches if one of them does, or if its own operation is wanted and one of them has the key. */
function matchesInside({ op: lineOp, text, bodyStart }: EventLine, { key, prefix, op }: EventFilter): boolean {
  if (key === undefined && prefix === undefined && op === lineOp) return true;
  const body = JSON.parse(`{${text.toString('utf8', bodyStart, text.length - HASH_TAIL_BYTES)}}`) as Fields;
  const operations: readonly Fields[] = Array.isArray(body.ops) ? body.ops : [body];
  return operations.some((one) => (op === undefined || op === lineOp || one.op === op)
    && (key === undefined || one.key === key)
    && (prefix === undefined || (typeof one.key === 'string' && one.key.startsWith(prefix))));
}
