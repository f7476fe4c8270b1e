/**
 * The newest change of a key on the way into a new generation, and its line in a run file. Pure.
 *
 * Only the attempt that wrote a run file reads it, so its format is private: `["key",seq]` for a deleted key,
 * `["key",seq,timeMs,crc,segment,offset,sizeBytes]` for one with a value in the log.
 */
import type { TextPlace } from '../../base/text-place.js';

/** The newest change of a key so far. */
export interface KeyChange {
  readonly key: string;
  readonly seq: number;
  /** Undefined: the key is deleted. */
  readonly set: SetChange | undefined;
}

/** A new value of a key. */
interface SetChange {
  readonly timeMs: number;
  /** The value's place in the log. */
  readonly place: TextPlace;
  /** CRC-32 of the value as first read from the log, to check a second read. */
  readonly crc: number;
  /** Undefined: it is not kept in memory. */
  readonly value: string | undefined;
}

type RunLine = readonly [key: string, seq: number]
  | readonly [key: string, seq: number, timeMs: number, crc: number, segment: number, offset: number, sizeBytes: number];

/** Encodes a change as a line of a run file, without its value. */
export function encodeKeyChange({ key, seq, set }: KeyChange): string {
  if (set === undefined) return `[${JSON.stringify(key)},${seq}]\n`;
  const { timeMs, crc, place } = set;
  return `[${JSON.stringify(key)},${seq},${timeMs},${crc},${place.segment},${place.offset},${place.sizeBytes}]\n`;
}

/**
 * Decodes complete lines of a run file. The digest of the file shows whether they are as written.
 *
 * @throws {SyntaxError} when they are not JSON
 */
export function decodeKeyChanges(bytes: Buffer): readonly KeyChange[] {
  const lines = JSON.parse(`[${bytes.toString('utf8', 0, bytes.length - 1).replaceAll('\n', ',')}]`) as readonly RunLine[];
  return lines.map(([key, seq, timeMs, crc, segment, offset, sizeBytes]) => {
    if (timeMs === undefined || crc === undefined || segment === undefined || offset === undefined || sizeBytes === undefined) {
      return { key, seq, set: undefined };
    }
    return { key, seq, set: { timeMs, crc, place: { segment, offset, sizeBytes }, value: undefined } };
  });
}
