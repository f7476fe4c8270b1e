/**
 * Finds the row of a key by its hash: extendible hashing (R. Fagin et al., 1979) over segments with open addressing. A full segment is
 * split in two, so that no change of a key ever waits until a table of all keys has been rebuilt.
 *
 * The upper bits of a hash choose the segment, the lower bits the first slot in it.
 */
import type { ByteRange } from '../../base/byte-scan.js';
import { invariant } from '../../base/invariant.js';
import { allocateWords } from './allocate.js';

const FIRST_SLOTS = 8;
/** A segment of so many slots is split instead of being enlarged. */
const SEGMENT_SLOTS_MAX = 8192;
const FILLED_SHARE_MAX = 0.75;
/** No more rows for each segment that is made beforehand: few of them will be split, and none is emptier than half of a split one. */
const RESERVED_ROWS_MAX = SEGMENT_SLOTS_MAX * FILLED_SHARE_MAX * 0.9;
const HASH_BITS = 32;
/** Beyond, segments are enlarged without a limit: only hashes that agree in so many bits can lead there. */
const DEPTH_MAX = 20;

/** What the directory asks about rows. */
interface HashedRows {
  /** The hash of the key of a row, an integer from 0, below 2^32. */
  keyHashOf(row: number): number;
  /** Tells whether a row has this key. */
  hasKey(row: number, key: string | ByteRange): boolean;
}

class Segment {
  /** Number of upper bits of a hash that all hashes in it share. */
  readonly depth: number;
  /** Row numbers plus 1; 0: free. */
  slots: Uint32Array;
  count = 0;
  /** True: the rows lie one after the other from the first slot on, and have no places yet. */
  isPiled = false;

  constructor(depth: number, slotCount: number) {
    this.depth = depth;
    this.slots = allocateWords(slotCount);
  }

  get isFull(): boolean {
    return this.count >= this.slots.length * FILLED_SHARE_MAX;
  }

  put(keyHash: number, row: number): void {
    const { slots } = this;
    const mask = slots.length - 1;
    let slot = keyHash & mask;
    while (slots[slot] !== 0) slot = (slot + 1) & mask;
    slots[slot] = row + 1;
    this.count += 1;
  }

  /** Adds a row without a place, to a segment in which no row has one. */
  pile(row: number): void {
    this.slots[this.count] = row + 1;
    this.count += 1;
    this.isPiled = true;
  }

  /** Removes all rows and returns their slots. */
  takeAll(): Uint32Array {
    const taken = this.slots.slice();
    this.slots.fill(0);
    this.count = 0;
    this.isPiled = false;
    return taken;
  }
}

/** The rows by the hash of their keys. */
export class HashDirectory {
  readonly #rows: HashedRows;
  /** 2^depth references; a segment that shares fewer bits is referred to by several. */
  #segments: Segment[] = [new Segment(0, FIRST_SLOTS)];
  #depth = 0;

  constructor(rows: HashedRows) {
    this.#rows = rows;
  }

  /** Bytes of all segments. */
  get allocatedBytes(): number {
    return [...new Set(this.#segments)].reduce((sum, { slots }) => sum + slots.byteLength, 0);
  }

  /** Makes the segments that so many rows will need, while there is no row yet. */
  reserve(count: number): void {
    invariant(this.#segments.every((segment) => segment.count === 0), 'segments are made before a row is added');
    let depth = 0;
    while (depth < DEPTH_MAX && count > 2 ** depth * RESERVED_ROWS_MAX) depth += 1;
    if (depth === 0) return;
    this.#depth = depth;
    this.#segments = Array.from({ length: 2 ** depth }, () => new Segment(depth, SEGMENT_SLOTS_MAX));
  }

  /**
   * Returns the row of a key.
   *
   * @param keyHash the hash of the key
   * @returns -1 if there is none
   */
  find(keyHash: number, key: string | ByteRange): number {
    const { slots } = this.#segmentOf(keyHash);
    const mask = slots.length - 1;
    for (let slot = keyHash & mask; ; slot = (slot + 1) & mask) {
      const row = (slots[slot] as number) - 1;
      if (row < 0) return -1;
      if (this.#rows.keyHashOf(row) === keyHash && this.#rows.hasKey(row, key)) return row;
    }
  }

  /** Adds a row, whose key is not in it yet. */
  add(keyHash: number, row: number): void {
    let segment = this.#segmentOf(keyHash);
    while (segment.isFull) {
      if (segment.slots.length < SEGMENT_SLOTS_MAX || segment.depth === DEPTH_MAX) this.#enlarge(segment);
      else this.#split(segment, keyHash);
      segment = this.#segmentOf(keyHash);
    }
    segment.put(keyHash, row);
  }

  /**
   * Adds a row as {@link add}. It gets its place when its segment is first used: the places of successive rows are far apart, and visiting
   * each in turn would take several times as long as filling one segment after another.
   */
  addLater(keyHash: number, row: number): void {
    const segment = this.#segments[this.#indexOf(keyHash)] as Segment;
    if (segment.isFull || (segment.count > 0 && !segment.isPiled)) this.add(keyHash, row);
    else segment.pile(row);
  }

  /** Removes a row, which is in it. The rows behind it close the gap. */
  remove(keyHash: number, row: number): void {
    const segment = this.#segmentOf(keyHash);
    const { slots } = segment;
    const mask = slots.length - 1;
    let gap = keyHash & mask;
    while (slots[gap] !== row + 1) gap = (gap + 1) & mask;
    for (let slot = (gap + 1) & mask; slots[slot] !== 0; slot = (slot + 1) & mask) {
      const first = this.#rows.keyHashOf((slots[slot] as number) - 1) & mask;
      // It may move into the gap unless its first slot lies behind the gap.
      if (((slot - first) & mask) < ((slot - gap) & mask)) continue;
      slots[gap] = slots[slot] as number;
      gap = slot;
    }
    slots[gap] = 0;
    segment.count -= 1;
  }

  #segmentOf(keyHash: number): Segment {
    const segment = this.#segments[this.#indexOf(keyHash)] as Segment;
    if (segment.isPiled) this.#place(segment, segment.takeAll());
    return segment;
  }

  /** A shift by 32 bits would be one by none. */
  #indexOf(keyHash: number): number {
    return this.#depth === 0 ? 0 : keyHash >>> (HASH_BITS - this.#depth);
  }

  #enlarge(segment: Segment): void {
    const rows = segment.takeAll();
    segment.slots = allocateWords(rows.length * 2);
    this.#place(segment, rows);
  }

  /** @param filled slots of rows that belong into the segment */
  #place(segment: Segment, filled: Uint32Array): void {
    for (const slot of filled) if (slot !== 0) segment.put(this.#rows.keyHashOf(slot - 1), slot - 1);
  }

  #split(segment: Segment, keyHash: number): void {
    if (segment.depth === this.#depth) {
      this.#segments = this.#segments.flatMap((one) => [one, one]);
      this.#depth += 1;
    }
    const depth = segment.depth + 1;
    const halves = [new Segment(depth, SEGMENT_SLOTS_MAX), new Segment(depth, SEGMENT_SLOTS_MAX)] as const;
    for (const filled of segment.slots) {
      if (filled === 0) continue;
      const own = this.#rows.keyHashOf(filled - 1);
      halves[bitOf(own, depth)].put(own, filled - 1);
    }
    const width = 2 ** (this.#depth - segment.depth);
    const first = Math.floor(this.#indexOf(keyHash) / width) * width;
    this.#segments.fill(halves[0], first, first + width / 2).fill(halves[1], first + width / 2, first + width);
  }
}

/** The bit at a depth, counted from 1 for the highest. */
function bitOf(keyHash: number, depth: number): 0 | 1 {
  return ((keyHash >>> (HASH_BITS - depth)) & 1) as 0 | 1;
}
