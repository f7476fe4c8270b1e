/**
 * The little of the tar format (POSIX ustar) that a backup needs: regular files with short names. Pure.
 *
 * A header is accepted if and only if this program would write the same one, so no bit of it can change unnoticed.
 */
import { invariant } from '../../base/invariant.js';

/** Size of a block in bytes: headers are one block, and contents are filled up to whole blocks with zeros. */
export const TAR_BLOCK_BYTES = 512;
/** What follows the last file. */
export const TAR_END = Buffer.alloc(TAR_BLOCK_BYTES + TAR_BLOCK_BYTES);

const NAME_BYTES = 100;
const MODE = '0000640\0';
const NO_ID = '0000000\0';
const OCTAL = 8;
const DIGITS = 11;
const OCTAL_MAX = OCTAL ** DIGITS - 1;
/** A size that octal digits cannot hold is a big-endian number with the highest bit set, as GNU tar, bsdtar and others write it. */
const BINARY_MARK = 0x80;
const BINARY_OFFSET = 4;
const CHECKSUM_DIGITS = 6;
const CHECKSUM_BYTES = 8;
const REGULAR = '0';
const MAGIC = 'ustar\x0000';
const MS_PER_SECOND = 1000;
const OFFSETS = {
  mode: 100, userId: 108, groupId: 116, size: 124, time: 136, checksum: 148, type: 156, magic: 257, major: 329, minor: 337,
} as const;

/** A file in the archive. */
export interface TarFile {
  /** Path relative to where the archive is extracted: up to 100 bytes of ASCII. */
  readonly name: string;
  readonly sizeBytes: number;
  /** Time of its last change in milliseconds since 1970; whole seconds are kept. */
  readonly timeMs: number;
}

/** Encodes the header before the content of a file. */
export function encodeTarHeader({ name, sizeBytes, timeMs }: TarFile): Buffer {
  invariant(/^[!-~]+$/.test(name) && name.length <= NAME_BYTES, 'the name of a file fits a header');
  const header = Buffer.alloc(TAR_BLOCK_BYTES);
  header.write(name, 0, 'latin1');
  header.write(MODE, OFFSETS.mode, 'latin1');
  header.write(NO_ID, OFFSETS.userId, 'latin1');
  header.write(NO_ID, OFFSETS.groupId, 'latin1');
  writeNumber(header, OFFSETS.size, sizeBytes);
  writeNumber(header, OFFSETS.time, Math.floor(timeMs / MS_PER_SECOND));
  header.write(REGULAR, OFFSETS.type, 'latin1');
  header.write(MAGIC, OFFSETS.magic, 'latin1');
  header.write(NO_ID, OFFSETS.major, 'latin1');
  header.write(NO_ID, OFFSETS.minor, 'latin1');
  header.fill(' ', OFFSETS.checksum, OFFSETS.checksum + CHECKSUM_BYTES, 'latin1');
  const sum = header.reduce((total, byte) => total + byte, 0);
  header.write(`${sum.toString(OCTAL).padStart(CHECKSUM_DIGITS, '0')}\0`, OFFSETS.checksum, 'latin1');
  return header;
}

function writeNumber(header: Buffer, offset: number, value: number): void {
  invariant(Number.isSafeInteger(value) && value >= 0, 'a size or a time is a whole number');
  if (value <= OCTAL_MAX) {
    header.write(value.toString(OCTAL).padStart(DIGITS, '0'), offset, 'latin1');
    return;
  }
  header[offset] = BINARY_MARK;
  header.writeBigUInt64BE(BigInt(value), offset + BINARY_OFFSET);
}

/** Decodes a header; undefined if it is not one that this program writes. */
export function decodeTarHeader(header: Buffer): TarFile | undefined {
  const name = header.toString('latin1', 0, NAME_BYTES).replace(/\0+$/, '');
  const [sizeBytes, seconds] = [readNumber(header, OFFSETS.size), readNumber(header, OFFSETS.time)];
  if (!/^[!-~]+$/.test(name) || sizeBytes === undefined || seconds === undefined) return undefined;
  const file = { name, sizeBytes, timeMs: seconds * MS_PER_SECOND };
  return Number.isSafeInteger(file.timeMs) && encodeTarHeader(file).equals(header) ? file : undefined;
}

function readNumber(header: Buffer, offset: number): number | undefined {
  const isBinary = header[offset] === BINARY_MARK;
  const digits = header.toString('latin1', offset, offset + DIGITS);
  const value = isBinary ? Number(header.readBigUInt64BE(offset + BINARY_OFFSET)) : Number.parseInt(digits, OCTAL);
  return Number.isSafeInteger(value) && value >= 0 ? value : undefined;
}

/** Returns how many zeros follow a content, in bytes. */
export function paddingAfter(sizeBytes: number): number {
  return (TAR_BLOCK_BYTES - (sizeBytes % TAR_BLOCK_BYTES)) % TAR_BLOCK_BYTES;
}
