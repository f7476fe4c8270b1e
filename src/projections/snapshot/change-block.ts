/**
 * Changes of keys as bytes, on their way from the log into a new generation: in memory, in run files, in a merge. Pure.
 *
 * A record is, with its numbers in little-endian order:
 *
 * | offset | size | content |
 * | --- | --- | --- |
 * | 0 | 4 | size of the key in bytes |
 * | 4 | 4 | size of the value in bytes; 0: the key is deleted, since a value has a byte at least |
 * | 8 | 8 | seq, as a double |
 * | 16 | 8 | time in milliseconds since 1970, as a double |
 * | 24 | 4 | tag |
 * | 28 | | the key, then the value |
 *
 * Only the process that made a record reads it. Records travel in blocks. A record that is larger than a block is a block of its own and
 * lacks its value, which is read only when it is wanted: a merge holds a block of each stream in memory, and must not hold so many large
 * values.
 */
import { compareRanges } from '../../base/byte-scan.js';
import type { SnapshotChange } from './snapshot.js';

/** Size of a block in bytes, unless its only record has a larger head. */
export const BLOCK_BYTES = 262_144;

const VALUE_SIZE_AT = 4;
const SEQ_AT = 8;
const TIME_AT = 16;
const TAG_AT = 24;
const KEY_AT = 28;
/** A UTF-16 unit encodes to at most this many bytes of UTF-8. */
const UTF8_BYTES_PER_UNIT = 3;

/** Records, ascending by the bytes of their keys. */
export interface ChangeBlock {
  readonly bytes: Buffer;
  /** Reads the value of the only record, before the next block is taken; undefined: all values are in their records. */
  readonly value: (() => Promise<Buffer>) | undefined;
}

/** The newest change of a key so far. */
export interface KeyChange {
  readonly key: string;
  readonly seq: number;
  /** 0 for a deletion, as the time. */
  readonly tag: number;
  readonly timeMs: number;
  /** Undefined: the key is deleted. */
  readonly value: Buffer | undefined;
}

/** A change of a single key. */
export type KeyedChange = Exclude<SnapshotChange, { kind: 'clear' }>;

/** Returns a size in bytes that is enough for the record of a change. */
export function roomFor(change: KeyedChange): number {
  return KEY_AT + (change.key.length + valueOf(change).length) * UTF8_BYTES_PER_UNIT;
}

function valueOf(change: KeyedChange): string {
  return change.kind === 'set' ? change.value : '';
}

/**
 * Writes the record of a change.
 *
 * @param at offset in bytes; from there on, there is {@link roomFor} the change
 * @returns the end of the record
 */
export function writeRecord(change: KeyedChange, into: Buffer, at: number): number {
  const keyBytes = into.write(change.key, at + KEY_AT);
  const valueBytes = into.write(valueOf(change), at + KEY_AT + keyBytes);
  into.writeUInt32LE(keyBytes, at);
  into.writeUInt32LE(valueBytes, at + VALUE_SIZE_AT);
  into.writeDoubleLE(change.seq, at + SEQ_AT);
  into.writeDoubleLE(change.kind === 'set' ? change.timeMs : 0, at + TIME_AT);
  into.writeUInt32LE(change.kind === 'set' ? change.tag : 0, at + TAG_AT);
  return at + KEY_AT + keyBytes + valueBytes;
}

function keyEndOf(bytes: Buffer, at: number): number {
  return at + KEY_AT + bytes.readUInt32LE(at);
}

/** Returns the end of a record that has its value. */
export function recordEnd(bytes: Buffer, at: number): number {
  return keyEndOf(bytes, at) + bytes.readUInt32LE(at + VALUE_SIZE_AT);
}

/** Compares the keys of two records by their bytes. */
export function compareRecords(a: Buffer, aAt: number, b: Buffer, bAt: number): number {
  return compareRanges({ bytes: a, start: aAt + KEY_AT, end: keyEndOf(a, aAt) }, { bytes: b, start: bAt + KEY_AT, end: keyEndOf(b, bAt) });
}

/** Decodes a block. */
export async function decodeBlock(block: ChangeBlock): Promise<readonly KeyChange[]> {
  const { bytes } = block;
  if (block.value !== undefined) return [decodeRecord(bytes, 0, await block.value())];
  const changes: KeyChange[] = [];
  for (let at = 0; at < bytes.length; at = recordEnd(bytes, at)) {
    changes.push(decodeRecord(bytes, at, bytes.subarray(keyEndOf(bytes, at), recordEnd(bytes, at))));
  }
  return changes;
}

function decodeRecord(bytes: Buffer, at: number, value: Buffer): KeyChange {
  const key = bytes.toString('utf8', at + KEY_AT, keyEndOf(bytes, at));
  const seq = bytes.readDoubleLE(at + SEQ_AT);
  const tag = bytes.readUInt32LE(at + TAG_AT);
  return { key, seq, tag, timeMs: bytes.readDoubleLE(at + TIME_AT), value: value.length === 0 ? undefined : value };
}

/** Packs copies of records into blocks. */
export class BlockPacker {
  #bytes: Buffer = Buffer.allocUnsafe(BLOCK_BYTES);
  #usedBytes = 0;
  #full: ChangeBlock[] = [];

  /**
   * Adds a record that has its value.
   *
   * @param bytes not changed before the blocks are taken
   */
  add(bytes: Buffer, at: number): void {
    const end = recordEnd(bytes, at);
    if (this.#usedBytes + end - at > BLOCK_BYTES) this.#turnOver();
    if (end - at > BLOCK_BYTES) {
      const keyEnd = keyEndOf(bytes, at);
      this.#full.push({ bytes: bytes.subarray(at, keyEnd), value: () => Promise.resolve(bytes.subarray(keyEnd, end)) });
      return;
    }
    bytes.copy(this.#bytes, this.#usedBytes, at, end);
    this.#usedBytes += end - at;
  }

  #turnOver(): void {
    if (this.#usedBytes === 0) return;
    this.#full.push({ bytes: this.#bytes.subarray(0, this.#usedBytes), value: undefined });
    this.#bytes = Buffer.allocUnsafe(BLOCK_BYTES);
    this.#usedBytes = 0;
  }

  /** Whether there are full blocks. */
  get isFull(): boolean {
    return this.#full.length > 0;
  }

  /** Takes the full blocks. */
  takeFull(): readonly ChangeBlock[] {
    const full = this.#full;
    this.#full = [];
    return full;
  }

  /** Takes the full blocks and the one that is not full yet. */
  takeAll(): readonly ChangeBlock[] {
    this.#turnOver();
    return this.takeFull();
  }
}
