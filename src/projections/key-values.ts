/**
 * The present keys and values of one project, sorted by the UTF-8 bytes of the key. Knows no log and no HTTP.
 */
import sortedBtree from 'sorted-btree';
import { compareUtf8 } from '../base/compare-utf8.js';
import { invariant } from '../base/invariant.js';
import type { ProjectEvent, Recorded } from '../events/event.js';
import type { Projection } from './projection.js';

/** What is known of a key. */
export interface KeyEntry {
  /** The value's JSON text, one line, as the client sent it. */
  readonly value: string;
  /** Version: the seq of its last change. */
  readonly seq: number;
  /** When that was, in milliseconds since 1970. */
  readonly timeMs: number;
}

/** Which keys a listing is about. Without members: all, ascending. */
export interface KeyRange {
  /** Only keys that begin with this. */
  readonly prefix?: string;
  /** Lower bound, inclusive, whatever the direction. */
  readonly start?: string;
  /** Upper bound, exclusive, whatever the direction. */
  readonly end?: string;
  /** Only keys that come after this one in the direction of travel. */
  readonly after?: string;
  /** From the last key to the first. @default false */
  readonly reverse?: boolean;
}

type Tree = InstanceType<typeof sortedBtree.default<string, KeyEntry>>;

function newTree(): Tree {
  return new sortedBtree.default<string, KeyEntry>(undefined, compareUtf8);
}

/** Keys and values as they are now. */
export class KeyValues implements Projection<ProjectEvent> {
  #tree: Tree = newTree();

  /** How many keys there are. */
  get count(): number {
    return this.#tree.size;
  }

  /**
   * @param key the key
   * @returns its entry, undefined when it does not exist
   */
  get(key: string): KeyEntry | undefined {
    return this.#tree.get(key);
  }

  /**
   * Reads a piece of a listing, of one moment.
   *
   * @param range which keys
   * @param limit how many at most, from 1
   * @returns entries in the direction of travel
   */
  slice(range: KeyRange, limit: number): [string, KeyEntry][] {
    invariant(limit >= 1, 'a piece of a listing has room for a key');
    const found: [string, KeyEntry][] = [];
    for (const [key, entry] of this.#walk(range)) {
      if (isBefore(range, key)) continue;
      if (isBeyond(range, key)) break;
      found.push([key, entry]);
      if (found.length === limit) break;
    }
    return found;
  }

  /**
   * Reads the keys of a piece of a listing, of one moment.
   *
   * @param range which keys
   * @param limit how many at most, from 1
   * @returns keys in the direction of travel
   */
  keys(range: KeyRange, limit: number): string[] {
    return this.slice(range, limit).map(([key]) => key);
  }

  /** Entries in the direction of travel, beginning at or shortly before the first one of the range. */
  #walk(range: KeyRange): IterableIterator<[string, KeyEntry]> {
    if (range.reverse !== true) return this.#tree.entries(maximum([range.start, range.prefix, range.after]));
    // The upper bound of a prefix has no text of its own; the walk begins at the last key and is brought down to it.
    const highest = minimum([range.end, range.after, upperBoundOfPrefix(range.prefix)]);
    return this.#tree.entriesReversed(highest);
  }

  /** {@inheritDoc Projection.apply} */
  apply({ event, seq, timeMs }: Recorded<ProjectEvent>): void {
    if (event.op === 'set') {
      this.#tree.set(event.key, { value: event.value, seq, timeMs });
    } else if (event.op === 'delete') {
      const existed = this.#tree.delete(event.key);
      invariant(existed, `the key that seq ${seq} deletes exists`);
    } else if (event.op === 'clear') {
      invariant(event.count === this.#tree.size, `seq ${seq} clears as many keys as there are`);
      this.#tree = newTree();
    }
  }
}

/** True for keys that the walk meets before the range begins. */
function isBefore(range: KeyRange, key: string): boolean {
  if (range.after === key) return true;
  if (range.reverse !== true) return false;
  if (range.end !== undefined && compareUtf8(key, range.end) >= 0) return true;
  return range.prefix !== undefined && !key.startsWith(range.prefix) && compareUtf8(key, range.prefix) > 0;
}

/** True for keys behind the end of the range: the walk is over. */
function isBeyond(range: KeyRange, key: string): boolean {
  if (range.prefix !== undefined && !key.startsWith(range.prefix)) return true;
  if (range.reverse === true) return range.start !== undefined && compareUtf8(key, range.start) < 0;
  return range.end !== undefined && compareUtf8(key, range.end) >= 0;
}

function maximum(bounds: readonly (string | undefined)[]): string | undefined {
  return pick(bounds, (order) => order > 0);
}

function minimum(bounds: readonly (string | undefined)[]): string | undefined {
  return pick(bounds, (order) => order < 0);
}

function pick(bounds: readonly (string | undefined)[], wins: (order: number) => boolean): string | undefined {
  let picked: string | undefined;
  for (const bound of bounds) {
    if (bound === undefined) continue;
    if (picked === undefined || wins(compareUtf8(bound, picked))) picked = bound;
  }
  return picked;
}

/** A text at or above every key with the prefix: the prefix and the highest code point, as often as a key has bytes to spare. */
const HIGHEST_CODE_POINT = '\u{10ffff}';
/** A key of 1,024 bytes holds at most 256 of the longest characters. */
const HIGHEST_REPEATED = HIGHEST_CODE_POINT.repeat(256);

function upperBoundOfPrefix(prefix: string | undefined): string | undefined {
  return prefix === undefined ? undefined : prefix + HIGHEST_REPEATED;
}
