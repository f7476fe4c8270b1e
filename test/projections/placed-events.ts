/** Lays events out in the text of a log, so that values can be read from their places. */
import { encodeEvent } from '../../src/events/codec.js';
import type { ProjectEvent, Recorded } from '../../src/events/event.js';
import type { KeyEntry } from '../../src/projections/key-entry.js';
import { recordedAt } from './recorded-events.js';

/** Bytes between the fields of two lines. */
const GAP = '#####';

/** A growing segment. */
export class PlacedEvents {
  readonly #segment: number;
  #text = '';

  /** @param segment the seq that the segment is named by */
  constructor(segment = 1) {
    this.#segment = segment;
  }

  /** The bytes of the segment. */
  get bytes(): Buffer {
    return Buffer.from(this.#text);
  }

  /** Stores an event. */
  recordedAt(event: ProjectEvent, seq: number): Recorded<ProjectEvent> {
    const { body } = encodeEvent(event);
    this.#text += GAP;
    const place = { segment: this.#segment, offset: Buffer.byteLength(this.#text), sizeBytes: Buffer.byteLength(body) };
    this.#text += body;
    return { ...recordedAt(event, seq), place };
  }

  /** The value of an entry, wherever it is. */
  textOf(entry: KeyEntry | undefined): string | undefined {
    if (entry === undefined) return undefined;
    const { value } = entry;
    if (typeof value === 'string') return value;
    const { file, offset, sizeBytes } = value;
    return file === this.#segment ? this.bytes.subarray(offset, offset + sizeBytes).toString() : `not in segment ${this.#segment}`;
  }
}
