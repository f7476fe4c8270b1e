/**
 * What is kept for each key. There may be millions of them, so their form is chosen for their size in memory.
 */
import type { ValuePlace } from './value-place.js';

/** What is known of a key. */
export interface KeyEntry {
  /** The value's JSON text, one line, as the client sent it; or where it lies, when it is not in memory. */
  readonly value: string | ValuePlace;
  /** Version: the seq of its last change. */
  readonly seq: number;
  /** When that was, in milliseconds since 1970. */
  readonly timeMs: number;
}

/** An entry with its value at hand. */
export interface LoadedEntry extends KeyEntry {
  readonly value: string;
}

/**
 * An entry whose value lies on disk. It is its own place: one object a key, not two.
 *
 * Version and time never change. The place does when a snapshot takes the value in, and names the same bytes before and after;
 * who reads copies it before it waits.
 */
export class PlacedEntry implements KeyEntry, ValuePlace {
  readonly seq: number;
  readonly timeMs: number;
  readonly sizeBytes: number;
  file: number;
  offset: number;
  /** The CRC-32 with a sign: V8 keeps a number below 2^31 in the object itself, a greater one in an object of its own. */
  readonly #signedCrc: number;

  constructor({ seq, timeMs }: Pick<KeyEntry, 'seq' | 'timeMs'>, place: ValuePlace) {
    this.seq = seq;
    this.timeMs = timeMs;
    this.sizeBytes = place.sizeBytes;
    this.file = place.file;
    this.offset = place.offset;
    this.#signedCrc = place.crc | 0;
  }

  get value(): ValuePlace {
    return this;
  }

  get crc(): number {
    return this.#signedCrc >>> 0;
  }
}

/**
 * Says how much text an entry stands for, without looking at all of it.
 *
 * @returns bytes of a value on disk, UTF-16 units of one in memory
 */
export function sizeOfValue({ value }: KeyEntry): number {
  return typeof value === 'string' ? value.length : value.sizeBytes;
}
