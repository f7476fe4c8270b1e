/**
 * The head: the durable watermark of a log, `{log_id, seq, hash}`. Its file has two slots, each with a checksum, which are written
 * alternately and in place, so that a torn write of one leaves the other intact. The head proves what was acknowledged when the end of
 * the log is in doubt. A missing or damaged head costs that proof and nothing else.
 */
import { crc32 } from 'node:zlib';
import { isErrno } from '../../base/app-error.js';
import { invariant } from '../../base/invariant.js';
import { closing, type Disk, ShortWriteError, writeNewFile } from '../../disk/disk.js';
import type { LogPosition } from '../log.js';

/** Size of a slot in bytes: a page of its own, so that a write to one slot never touches the other. */
const SLOT_BYTES = 4096;
const SLOTS = 2;
const SLOT_FORM = /^\{"log_id":"([0-9a-f]{32})","seq":(0|[1-9]\d{0,15}),"hash":"([0-9a-f]{64})","crc":"([0-9a-f]{8})"\} *\n$/;
const CRC_HEX_DIGITS = 8;
const HEX = 16;

/** The content of a head. */
export interface Head extends LogPosition {
  readonly logId: string;
}

function checksum(text: string): string {
  return crc32(text).toString(HEX).padStart(CRC_HEX_DIGITS, '0');
}

function encodeSlot(head: Head): Buffer {
  const fields = `{"log_id":"${head.logId}","seq":${head.seq},"hash":"${head.hash}"`;
  const text = `${fields},"crc":"${checksum(fields)}"}`;
  invariant(text.length < SLOT_BYTES, 'a head fits its slot');
  return Buffer.from(`${text.padEnd(SLOT_BYTES - 1)}\n`, 'latin1');
}

function decodeSlot(bytes: Buffer): Head | undefined {
  const text = bytes.toString('latin1');
  const fields = SLOT_FORM.exec(text);
  if (fields === null) return undefined;
  const [, logId, seq, hash, crc] = fields as unknown as readonly [string, string, string, string, string];
  if (checksum(text.slice(0, text.indexOf(',"crc":'))) !== crc) return undefined;
  return { logId, seq: Number(seq), hash };
}

/** The result of reading a head. */
export interface HeadReading {
  /** The newest valid slot. */
  readonly head: Head | undefined;
  /** The index of that slot; the next write goes to the other one. */
  readonly slot: number;
  /** True if a slot is damaged or there is no head. */
  readonly damaged: boolean;
  /** True if there is no head file, as in a copy made while the server ran. */
  readonly isAbsent: boolean;
}

/** The reading of a head that does not exist. */
export const UNREAD_HEAD: HeadReading = { head: undefined, slot: 0, damaged: true, isAbsent: true };

/**
 * Reads a head.
 *
 * @returns the newest valid slot, if any
 */
export async function readHead(disk: Disk, path: string): Promise<HeadReading> {
  const status = await disk.status(path);
  if (status === undefined) return UNREAD_HEAD;
  if (status.isFolder) return { ...UNREAD_HEAD, isAbsent: false };
  const opened = await disk.open(path, 'read').catch((error: unknown) => {
    if (!isErrno(error, 'ENOENT')) throw error;
    return undefined;
  });
  // Its project has been deleted since it was looked up.
  if (opened === undefined) return UNREAD_HEAD;
  return await closing(opened, async (file) => {
    const bytes = Buffer.alloc(SLOT_BYTES * SLOTS);
    const count = await file.read(bytes, 0);
    const first = decodeSlot(bytes.subarray(0, SLOT_BYTES));
    const second = decodeSlot(bytes.subarray(SLOT_BYTES));
    const slot = first === undefined || (second !== undefined && second.seq > first.seq) ? 1 : 0;
    const damaged = count !== bytes.length || first === undefined || second === undefined;
    return { head: slot === 1 ? second : first, slot, damaged, isAbsent: false };
  });
}

/** Returns the content of a head file, with two equal slots. */
export function encodeHeadFile(head: Head): Buffer {
  const slot = encodeSlot(head);
  return Buffer.concat([slot, slot]);
}

/**
 * Writes a head file with two equal slots, replacing an existing one. Does not sync the folder.
 *
 * @param path the head's file
 */
export async function createHead(disk: Disk, path: string, head: Head): Promise<void> {
  const temporary = `${path}.tmp`;
  await disk.unlink(temporary);
  await writeNewFile(disk, temporary, encodeHeadFile(head));
  await disk.rename(temporary, path);
}

/**
 * Writes one slot of a head and syncs it. The other slot survives whatever happens to the write. Keeps no descriptor open.
 *
 * @param path a head file written by {@link createHead}
 * @param head nothing beyond the last synced line
 * @throws {ShortWriteError} if the disk wrote less than a slot
 */
export async function writeHeadSlot(disk: Disk, path: string, slot: number, head: Head): Promise<void> {
  const bytes = encodeSlot(head);
  await closing(await disk.open(path, 'overwrite'), async (file) => {
    const written = await file.overwrite(bytes, slot * SLOT_BYTES);
    if (written !== bytes.length) throw new ShortWriteError(bytes.length, written);
    await file.datasync();
  });
}

/** Returns the slot to write next. */
export function otherSlot(slot: number): number {
  return (slot + 1) % SLOTS;
}
