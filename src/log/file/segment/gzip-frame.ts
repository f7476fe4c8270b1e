/**
 * What stands around the compressed bytes of a sealed segment: one gzip member (RFC 1952) with a field of our own, so that every
 * bit of the file is covered by something. Pure.
 *
 * The header's extra field `SK` says which segment follows, and carries the CRC-32 of that and of the compressed bytes; the
 * trailer, as in any gzip file, carries that of the text and its length. What remains of the header is the same in every file.
 */
import { crc32 } from 'node:zlib';
import { invariant } from '../../../base/invariant.js';

/** Magic, deflate, extra field, no time, no system; 16 bytes of extra field, 12 of them in `SK`. */
const HEADER_START = Buffer.from([0x1f, 0x8b, 8, 4, 0, 0, 0, 0, 0, 0xff, 16, 0, 0x53, 0x4b, 12, 0]);
const WORD_BYTES = 4;
const SEQ_BYTES = 8;

/** Bytes before the compressed ones. */
export const FRAME_HEADER_BYTES = HEADER_START.length + SEQ_BYTES + WORD_BYTES;
/** Bytes after the compressed ones. */
export const FRAME_TRAILER_BYTES = WORD_BYTES + WORD_BYTES;
invariant(FRAME_HEADER_BYTES === 28, 'the header of a compressed segment has 28 bytes');

/** What a frame says. */
export interface GzipFrame {
  /** The first seq of the segment that follows, as the seal at the end of the text says too: it can be seen without inflating. */
  readonly nextSeq: number;
  /** CRC-32 of the 8 bytes of {@link GzipFrame.nextSeq} and the compressed bytes. */
  readonly packedCrc: number;
  /** CRC-32 of the text. */
  readonly textCrc: number;
  /** Length of the text in bytes. */
  readonly textBytes: number;
}

function word(value: number): Buffer {
  const bytes = Buffer.alloc(WORD_BYTES);
  bytes.writeUInt32LE(value);
  return bytes;
}

function seqBytes(seq: number): Buffer {
  const bytes = Buffer.alloc(SEQ_BYTES);
  bytes.writeBigUInt64LE(BigInt(seq));
  return bytes;
}

/**
 * Begins the CRC-32 of the compressed bytes.
 *
 * @param nextSeq the first seq of the segment that follows
 * @returns the CRC that the compressed bytes go on from
 */
export function beginPackedCrc(nextSeq: number): number {
  return crc32(seqBytes(nextSeq));
}

/**
 * Makes the bytes before the compressed ones.
 *
 * @returns {@link FRAME_HEADER_BYTES} bytes
 */
export function encodeFrameHeader(frame: Pick<GzipFrame, 'nextSeq' | 'packedCrc'>): Buffer {
  return Buffer.concat([HEADER_START, seqBytes(frame.nextSeq), word(frame.packedCrc)]);
}

/**
 * Makes the bytes after the compressed ones.
 *
 * @returns {@link FRAME_TRAILER_BYTES} bytes
 */
export function encodeFrameTrailer(frame: Pick<GzipFrame, 'textCrc' | 'textBytes'>): Buffer {
  return Buffer.concat([word(frame.textCrc), word(frame.textBytes)]);
}

/**
 * Takes header and trailer apart.
 *
 * @param header the first {@link FRAME_HEADER_BYTES} bytes of a file
 * @param trailer the last {@link FRAME_TRAILER_BYTES} bytes
 * @returns what they say; undefined when this program has not written them
 */
export function decodeFrame(header: Buffer, trailer: Buffer): GzipFrame | undefined {
  if (header.length !== FRAME_HEADER_BYTES || trailer.length !== FRAME_TRAILER_BYTES) return undefined;
  if (!header.subarray(0, HEADER_START.length).equals(HEADER_START)) return undefined;
  return {
    nextSeq: Number(header.readBigUInt64LE(HEADER_START.length)), packedCrc: header.readUInt32LE(HEADER_START.length + SEQ_BYTES),
    textCrc: trailer.readUInt32LE(0), textBytes: trailer.readUInt32LE(WORD_BYTES),
  };
}
