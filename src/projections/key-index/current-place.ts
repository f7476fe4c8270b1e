/**
 * The place of a value that may be moved while it is read.
 */
import type { PlacedVersion, ValuePlace } from '../value-place.js';

/** Knows where the values of current versions are. */
interface Places {
  /** Returns the place of the value of a version; undefined if it is not on disk, or if the version is no longer current. */
  placeOf(key: string, seq: number): ValuePlace | undefined;
}

/**
 * The place of a value, as it is whenever it is asked. When a snapshot takes over the value, a read finds the new place here, since the
 * file at the old one may be removed. A value that is no longer current keeps the last place that was seen.
 */
export class CurrentPlace implements ValuePlace {
  readonly #places: Places;
  readonly #key: string;
  readonly #seq: number;
  #last: ValuePlace;

  constructor(places: Places, { key, seq, place }: PlacedVersion) {
    this.#places = places;
    this.#key = key;
    this.#seq = seq;
    this.#last = place;
  }

  get file(): number {
    return this.#now().file;
  }

  get offset(): number {
    return this.#now().offset;
  }

  get sizeBytes(): number {
    return this.#last.sizeBytes;
  }

  get crc(): number {
    return this.#last.crc;
  }

  #now(): ValuePlace {
    this.#last = this.#places.placeOf(this.#key, this.#seq) ?? this.#last;
    return this.#last;
  }
}
