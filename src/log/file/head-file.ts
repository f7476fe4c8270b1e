/**
 * The durable watermark of a log: `{log_id, seq, hash}` in two slots, each with a checksum, written in turn and in place, so
 * that a torn write of one leaves the other. It proves what was acknowledged when the end of the log is in doubt. A head that
 * is missing or damaged costs that proof and nothing else.
 */
import { crc32 } from 'node:zlib';
import { invariant } from '../../base/invariant.js';
import type { LogPosition } from '../log.js';
import { type Disk, ShortWriteError, writeNewFile } from '../../disk/disk.js';

/** Bytes of one slot: a page of its own, so that no write of one touches the other. */
const SLOT_BYTES = 4096;
const SLOTS = 2;
const SLOT_FORM = /^\{"log_id":"([0-9a-f]{32})","seq":(0|[1-9]\d{0,15}),"hash":"([0-9a-f]{64})","crc":"([0-9a-f]{8})"\} *\n$/;
const CRC_HEX_DIGITS = 8;
const HEX = 16;

/** What a head says. */
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

/** What was found where a head should be. */
export interface HeadReading {
  /** The newest valid slot. */
  readonly head: Head | undefined;
  /** Which slot that is: the next write goes to the other one. */
  readonly slot: number;
  /** True when a slot was damaged, or there was no head at all. */
  readonly damaged: boolean;
  /** True when there was no file at all, as in a copy that was made while the server ran. */
  readonly isAbsent: boolean;
}

/**
 * Reads a head.
 *
 * @returns the newest valid slot, if any
 */
export async function readHead(disk: Disk, path: string): Promise<HeadReading> {
  const status = await disk.status(path);
  const isAbsent = status === undefined;
  if (isAbsent || status.isFolder) return { head: undefined, slot: 0, damaged: true, isAbsent };
  const file = await disk.open(path, 'read');
  try {
    const bytes = Buffer.alloc(SLOT_BYTES * SLOTS);
    const count = await file.read(bytes, 0);
    const first = decodeSlot(bytes.subarray(0, SLOT_BYTES));
    const second = decodeSlot(bytes.subarray(SLOT_BYTES));
    const slot = first === undefined || (second !== undefined && second.seq > first.seq) ? 1 : 0;
    const damaged = count !== bytes.length || first === undefined || second === undefined;
    return { head: slot === 1 ? second : first, slot, damaged, isAbsent };
  } finally {
    await file.close();
  }
}

/**
 * Writes a new head file with both slots alike; the folder is not synced here.
 *
 * @param path the head's file; an old one is replaced
 */
export async function createHead(disk: Disk, path: string, head: Head): Promise<void> {
  const temporary = `${path}.tmp`;
  await disk.unlink(temporary);
  const slot = encodeSlot(head);
  await writeNewFile(disk, temporary, Buffer.concat([slot, slot]));
  await disk.rename(temporary, path);
}

/**
 * Writes one slot of a head and syncs it; the other slot survives whatever becomes of the write. The file is open only meanwhile.
 *
 * @param path a head that {@link createHead} has written
 * @param change which slot, and what it is to say: nothing above a synced line
 * @throws {ShortWriteError} when the disk took less than a slot
 */
export async function writeHeadSlot(disk: Disk, path: string, change: { readonly slot: number; readonly head: Head }): Promise<void> {
  const bytes = encodeSlot(change.head);
  const file = await disk.open(path, 'overwrite');
  try {
    const written = await file.overwrite(bytes, change.slot * SLOT_BYTES);
    if (written !== bytes.length) throw new ShortWriteError(bytes.length, written);
    await file.datasync();
  } finally {
    await file.close();
  }
}

/** Names the slot that is written next. */
export function otherSlot(slot: number): number {
  return (slot + 1) % SLOTS;
}
