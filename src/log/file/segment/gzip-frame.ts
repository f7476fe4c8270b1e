/**
 * The bytes around the deflate stream of a compressed segment: one gzip member (RFC 1952) with an extra field of ours, so that a
 * checksum covers every bit of the file. Pure.
 *
 * The extra field `SK` names the next segment and carries a CRC-32 over that name and the compressed bytes. The trailer, as in any
 * gzip file, carries the CRC-32 and the length of the text. The rest of the header is the same in every file.
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

/** The fields of a frame. */
export interface GzipFrame {
  /** The first seq of the next segment, as in the seal at the end of the text: readable without inflating it. */
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
 * Starts the CRC-32 of the compressed bytes.
 *
 * @param nextSeq the first seq of the next segment
 * @returns the CRC with which the compressed bytes continue
 */
export function beginPackedCrc(nextSeq: number): number {
  return crc32(seqBytes(nextSeq));
}

/**
 * Encodes the bytes before the compressed ones.
 *
 * @returns {@link FRAME_HEADER_BYTES} bytes
 */
export function encodeFrameHeader(frame: Pick<GzipFrame, 'nextSeq' | 'packedCrc'>): Buffer {
  return Buffer.concat([HEADER_START, seqBytes(frame.nextSeq), word(frame.packedCrc)]);
}

/**
 * Encodes the bytes after the compressed ones.
 *
 * @returns {@link FRAME_TRAILER_BYTES} bytes
 */
export function encodeFrameTrailer(frame: Pick<GzipFrame, 'textCrc' | 'textBytes'>): Buffer {
  return Buffer.concat([word(frame.textCrc), word(frame.textBytes)]);
}

/**
 * Decodes the first {@link FRAME_HEADER_BYTES} and the last {@link FRAME_TRAILER_BYTES} bytes of a file.
 *
 * @returns undefined if this program did not write them
 */
export function decodeFrame(header: Buffer, trailer: Buffer): GzipFrame | undefined {
  if (header.length !== FRAME_HEADER_BYTES || trailer.length !== FRAME_TRAILER_BYTES) return undefined;
  if (!header.subarray(0, HEADER_START.length).equals(HEADER_START)) return undefined;
  return {
    nextSeq: Number(header.readBigUInt64LE(HEADER_START.length)), packedCrc: header.readUInt32LE(HEADER_START.length + SEQ_BYTES),
    textCrc: trailer.readUInt32LE(0), textBytes: trailer.readUInt32LE(WORD_BYTES),
  };
}
