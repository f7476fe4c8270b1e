/**
 * The events that remove keys that have expired. Pure.
 */
import type { ProjectEvent } from '../events/event.js';

/** Keys in one line. */
export const EXPIRED_KEYS_MAX = 1000;
/** Bytes of their names in one line. */
const EXPIRED_NAME_BYTES_MAX = 65_536;

/** Returns the events that remove keys: a line each, none for no key. */
export function expireEvents(keys: readonly string[]): readonly ProjectEvent[] {
  const events: ProjectEvent[] = [];
  let line: string[] = [];
  let bytes = 0;
  for (const key of keys) {
    const keyBytes = Buffer.byteLength(key);
    if (line.length === EXPIRED_KEYS_MAX || (line.length > 0 && bytes + keyBytes > EXPIRED_NAME_BYTES_MAX)) {
      events.push({ op: 'expire', keys: line });
      line = [];
      bytes = 0;
    }
    line.push(key);
    bytes += keyBytes;
  }
  return line.length === 0 ? events : [...events, { op: 'expire', keys: line }];
}
