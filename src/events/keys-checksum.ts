/**
 * A checksum of the keys that a change is about, computed from the event of a line, or from what a client asks for: when it asks again
 * after a restart, nothing but the lines of the log can tell whether it asks for the same.
 *
 * A batch leaves out what has no effect, such as the deletion of a key that does not exist. What it sets always has an effect. So the
 * checksum is that of the keys that are set, and only where none is, that of the others.
 */
import { crc32 } from 'node:zlib';
import { keyChangesOf, type ProjectEvent, rangeConditions, rangeOf, setsValue } from './event.js';
import type { KeyRange } from './key-range.js';

/** Of nothing: for a change of all keys. */
export const CHECKSUM_OF_ALL = 0;

/** Returns the CRC-32 of keys, each with a line feed after it. */
export function checksumOfKeys(keys: readonly string[]): number {
  return keys.reduce((crc, key) => crc32(`${key}\n`, crc), 0);
}

/** Returns the checksum of a range: that of its conditions as JSON. */
export function checksumOfRange(range: KeyRange): number {
  const { prefix, start, end } = rangeConditions(range);
  return crc32(JSON.stringify([prefix, start, end]));
}

/** Returns the checksum of the keys of an event; undefined if it is about the project itself, or no client asked for it. */
export function keysChecksum(event: ProjectEvent): number | undefined {
  switch (event.op) {
    case 'set':
    case 'set.until':
    case 'delete':
    case 'touch':
      return checksumOfKeys([event.key]);
    case 'batch': {
      const changes = keyChangesOf(event);
      const set = changes.filter(setsValue);
      return checksumOfKeys((set.length > 0 ? set : changes).map(({ key }) => key));
    }
    case 'clear':
      return CHECKSUM_OF_ALL;
    case 'clear.range':
      return checksumOfRange(rangeOf(event));
    case 'expire':
    case 'redact':
    case 'project.create':
    case 'project.update':
    case 'project.key':
    case 'access.add':
    case 'access.change':
    case 'access.remove':
    case 'access.rotate':
      return undefined;
  }
}
