/**
 * The place of a value on disk. There may be millions, so it consists of plain numbers. Knows no files.
 */
import { crc32 } from 'node:zlib';
import { invariant } from '../base/invariant.js';
import { endOfPlace, type TextPlace } from '../base/text-place.js';
import { valueOffsetsIn } from '../events/batch-codec.js';
import { type KeyChanged, type KeysChanged, setsValue } from '../events/event.js';

/** The bytes of a value in a file, and their checksum. */
export interface ValuePlace {
  /** Positive: the segment whose first seq this is. Negative: the snapshot generation of the seq without the sign. */
  readonly file: number;
  /** In bytes from the start of the file. */
  readonly offset: number;
  /** Length of the value in bytes. */
  readonly sizeBytes: number;
  /** CRC-32 of those bytes. */
  readonly crc: number;
}

/** A version of a key with the place of its value. */
export interface PlacedVersion {
  readonly key: string;
  readonly seq: number;
  readonly place: ValuePlace;
}

/**
 * Tells of a key that has another version by now whether its value, at a known place, is surely the one at a place that was found for an
 * earlier version: then the key was only touched in between. Its value must be read from the place that was found, too, before files go.
 */
export type IsTouchedSince = (known: ValuePlace, found: ValuePlace) => boolean;

/**
 * Returns the rule for places in a new generation. Whatever an older one, or a segment that it covers, still has for a current key is what
 * the new one has.
 *
 * @param isCovered tells whether all lines of the segment of this first seq are in the generation
 */
export function touchedSinceSnapshot(isCovered: (segment: number) => boolean): IsTouchedSince {
  return (known, found) => (known.file < 0 ? known.file > found.file : isCovered(known.file));
}

/**
 * The rule for places that replace those in discarded generations: of the newest older generation, then of all sets after it, in their
 * order. The place that is found last is that of the current value.
 */
export function touchedSinceOlderSource(known: ValuePlace, found: ValuePlace): boolean {
  if (known.file < 0) return known.file !== found.file;
  return found.file > known.file || (found.file === known.file && found.offset > known.offset);
}

/**
 * Returns the place of the value of a `set` or `set.until`, the last of its fields.
 *
 * @param fields the place of the event's fields in the log
 */
export function placeOfSetValue(fields: TextPlace, value: string): ValuePlace {
  const { segment, offset, sizeBytes } = endOfPlace(fields, Buffer.byteLength(value));
  return { file: segment, offset, sizeBytes, crc: crc32(value) };
}

/**
 * Returns the places of the values that an event sets.
 *
 * @param fields the place of the event's fields in the log
 * @returns for each change of `keyChangesOf` its place; undefined for one without a value
 */
export function placesOfValues(event: KeyChanged | KeysChanged, fields: TextPlace): readonly (ValuePlace | undefined)[] {
  if (event.op !== 'batch') return [setsValue(event) ? placeOfSetValue(fields, event.value) : undefined];
  const offsets = valueOffsetsIn(event);
  return event.ops.map((op, index) => {
    const offset = offsets[index];
    if (!setsValue(op) || offset === undefined) return undefined;
    const sizeBytes = Buffer.byteLength(op.value);
    return { file: fields.segment, offset: fields.offset + offset, sizeBytes, crc: crc32(op.value) };
  });
}

/**
 * Returns the place of a value in a snapshot.
 *
 * @param snapshotSeq the seq of the generation, from 1
 * @param entry offset, length and CRC-32 from the index of the generation
 */
export function placeInSnapshot(snapshotSeq: number, entry: Omit<ValuePlace, 'file'>): ValuePlace {
  invariant(snapshotSeq >= 1, 'a snapshot holds an event at least');
  return { file: -snapshotSeq, offset: entry.offset, sizeBytes: entry.sizeBytes, crc: entry.crc };
}

/**
 * Converts the index of a snapshot to versions with their places.
 *
 * @param snapshotSeq the seq of the generation, from 1
 */
export async function* versionsInSnapshot(
  entries: AsyncIterable<readonly (Omit<ValuePlace, 'file'> & Omit<PlacedVersion, 'place'>)[]>, snapshotSeq: number,
): AsyncGenerator<readonly PlacedVersion[]> {
  for await (const group of entries) {
    yield group.map((entry) => ({ key: entry.key, seq: entry.seq, place: placeInSnapshot(snapshotSeq, entry) }));
  }
}
