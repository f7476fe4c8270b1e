/**
 * The entry of a key, as a look-up returns it.
 */
import type { KeyVersion } from '../events/key-version.js';
import type { ValuePlace } from './value-place.js';

/** The current version of a key. */
export interface KeyEntry extends KeyVersion {
  /** The value's JSON text, one line, as the client sent it; or its place on disk, if it is not in memory. */
  readonly value: string | ValuePlace;
  /** When it was made, in milliseconds since 1970. */
  readonly timeMs: number;
  /** From when on the key does not exist, in milliseconds since 1970; null for never. */
  readonly expiresAtMs: number | null;
}

/** An entry whose value is in memory. */
export interface LoadedEntry extends KeyEntry {
  readonly value: string;
}

/**
 * Returns the size of a value without reading it.
 *
 * @returns bytes if the value is on disk, UTF-16 units if it is in memory
 */
export function sizeOfValue({ value }: KeyEntry): number {
  return typeof value === 'string' ? value.length : value.sizeBytes;
}
