/**
 * Where a value lies on disk, for those who keep millions of such places: plain numbers only. Knows no files.
 */
import { crc32 } from 'node:zlib';
import { invariant } from '../base/invariant.js';
import { endOfPlace, type TextPlace } from '../base/text-place.js';

/** A value's bytes in a file, and what they must sum up to. */
export interface ValuePlace {
  /** Above 0: the segment that begins with this seq. Below 0: the snapshot generation of the seq without its sign. */
  readonly file: number;
  /** Where the value begins, in bytes from the start of the file. */
  readonly offset: number;
  /** Length of the value in bytes. */
  readonly sizeBytes: number;
  /** CRC-32 of those bytes. */
  readonly crc: number;
}

/** A version of a key, and where its value lies. */
export interface PlacedVersion {
  readonly key: string;
  readonly seq: number;
  readonly place: ValuePlace;
}

/**
 * Says where the value of a `set` lies: it is the last of the fields.
 *
 * @param fields where the fields of the event lie in the log
 */
export function placeOfSetValue(fields: TextPlace, value: string): ValuePlace {
  const { segment, offset, sizeBytes } = endOfPlace(fields, Buffer.byteLength(value));
  return { file: segment, offset, sizeBytes, crc: crc32(value) };
}

/**
 * Says where a value of a snapshot lies.
 *
 * @param snapshotSeq the seq of the generation, from 1
 * @param entry offset, length and CRC-32 as the generation's index has them
 */
export function placeInSnapshot(snapshotSeq: number, entry: Omit<ValuePlace, 'file'>): ValuePlace {
  invariant(snapshotSeq >= 1, 'a snapshot holds an event at least');
  return { file: -snapshotSeq, offset: entry.offset, sizeBytes: entry.sizeBytes, crc: entry.crc };
}

/**
 * Says where the values of a snapshot lie.
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
