/**
 * Which events a reader of the feed wants. A line is first searched for bytes that it must contain; only then are its fields compared,
 * because a value may contain the same bytes.
 */
import { isAt } from '../base/byte-scan.js';
import { decodeBatchBody } from '../events/batch-codec.js';
import type { KeyChanged } from '../events/event.js';
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

/** Operations whose fields begin with their key, which are nearly all of a log: their values are not parsed. */
const PLAIN_OPS: ReadonlySet<string> = new Set(['set', 'delete']);

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
function matchesInside(line: EventLine, { key, prefix = '', op }: EventFilter): boolean {
  if (key === undefined && prefix === '' && op === line.op) return true;
  return changesIn(line).some((change) => (
    [undefined, line.op, change.op].includes(op) && [undefined, change.key].includes(key) && change.key.startsWith(prefix)
  ));
}

function changesIn({ op, text, bodyStart, bodyEnd }: EventLine): readonly KeyChanged[] {
  return op === 'batch' ? decodeBatchBody(text.toString('utf8', bodyStart, bodyEnd))?.ops ?? [] : [];
}
