/**
 * Locates the first byte that is not UTF-8. Runs only after the engine's check has failed, which returns no position.
 */

type ByteRange = readonly [first: number, last: number];

const TAIL: ByteRange = [0x80, 0xbf];

/** The well-formed sequences (Unicode, table 3-7): no overlong form, no surrogate, nothing above U+10FFFF. */
const SEQUENCES: readonly (readonly ByteRange[])[] = [
  [[0x00, 0x7f]],
  [[0xc2, 0xdf], TAIL],
  [[0xe0, 0xe0], [0xa0, 0xbf], TAIL],
  [[0xe1, 0xec], TAIL, TAIL],
  [[0xed, 0xed], [0x80, 0x9f], TAIL],
  [[0xee, 0xef], TAIL, TAIL],
  [[0xf0, 0xf0], [0x90, 0xbf], TAIL, TAIL],
  [[0xf1, 0xf3], TAIL, TAIL, TAIL],
  [[0xf4, 0xf4], [0x80, 0x8f], TAIL, TAIL],
];

/** Returns the offset of the first sequence that is not UTF-8; the length of `bytes` if there is none. */
export function findUtf8Fault(bytes: Uint8Array): number {
  let offset = 0;
  while (offset < bytes.length) {
    const length = sequenceLength(bytes, offset);
    if (length === 0) return offset;
    offset += length;
  }
  return offset;
}

function sequenceLength(bytes: Uint8Array, offset: number): number {
  const sequence = SEQUENCES.find(([first]) => first !== undefined && isWithin(bytes[offset], first));
  const isWhole = sequence?.every((range, index) => isWithin(bytes[offset + index], range)) ?? false;
  return isWhole ? (sequence?.length ?? 0) : 0;
}

function isWithin(byte: number | undefined, [first, last]: ByteRange): boolean {
  return byte !== undefined && byte >= first && byte <= last;
}
