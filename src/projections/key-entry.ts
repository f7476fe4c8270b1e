/**
 * The entry of a key in memory. There may be millions, so its form is chosen for its size.
 */
import type { ValuePlace } from './value-place.js';

/** The current version of a key. */
export interface KeyEntry {
  /** The value's JSON text, one line, as the client sent it; or its place on disk, if it is not in memory. */
  readonly value: string | ValuePlace;
  /** Version: the seq of its last change. */
  readonly seq: number;
  /** Time of that change, in milliseconds since 1970. */
  readonly timeMs: number;
}

/** An entry whose value is in memory. */
export interface LoadedEntry extends KeyEntry {
  readonly value: string;
}

/**
 * An entry whose value is on disk. It is its own {@link ValuePlace}, so that a key costs one object, not two.
 *
 * Version and time never change. The place changes when a snapshot takes over the value; it names the same bytes before and after. A reader
 * copies it before it awaits anything.
 */
export class PlacedEntry implements KeyEntry, ValuePlace {
  readonly seq: number;
  readonly timeMs: number;
  readonly sizeBytes: number;
  file: number;
  offset: number;
  /** The CRC-32 as a signed number: V8 stores numbers below 2^31 inline and allocates an object for greater ones. */
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
 * Returns the size of a value without reading it.
 *
 * @returns bytes if the value is on disk, UTF-16 units if it is in memory
 */
export function sizeOfValue({ value }: KeyEntry): number {
  return typeof value === 'string' ? value.length : value.sizeBytes;
}
