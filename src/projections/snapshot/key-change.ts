/**
 * What changes amount to for one key, on the way into a new generation, and its line in a run file. Pure.
 *
 * A run file is read only by the attempt that wrote it, so its form is private: `["key",seq]` for a key that is
 * gone, `["key",seq,timeMs,crc,segment,offset,sizeBytes]` for one that has a value in the log.
 */
import type { TextPlace } from '../../base/text-place.js';

/** The newest change of a key, of those that were looked at. */
export interface KeyChange {
  readonly key: string;
  readonly seq: number;
  /** Undefined: the key is gone. */
  readonly set: SetChange | undefined;
}

/** What a key was set to. */
export interface SetChange {
  readonly timeMs: number;
  /** Where the log has the value. */
  readonly place: TextPlace;
  /** CRC-32 of the value when the log was read: what is read again must be the same. */
  readonly crc: number;
  /** The value, while there is room for it. */
  readonly value: string | undefined;
}

type RunLine = readonly [key: string, seq: number]
  | readonly [key: string, seq: number, timeMs: number, crc: number, segment: number, offset: number, sizeBytes: number];

/**
 * Makes a line of a run file.
 *
 * @param change a change; its value is left out
 */
export function encodeKeyChange({ key, seq, set }: KeyChange): string {
  if (set === undefined) return `[${JSON.stringify(key)},${seq}]\n`;
  const { timeMs, crc, place } = set;
  return `[${JSON.stringify(key)},${seq},${timeMs},${crc},${place.segment},${place.offset},${place.sizeBytes}]\n`;
}

/**
 * Reads lines of a run file; that they are what was written shows in the digest of the file.
 *
 * @param bytes whole lines
 * @throws {SyntaxError} when they are no JSON
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
