/**
 * The lines that frame a segment: its header and its seal. Pure: opens nothing. `docs/log-format.md` is the specification.
 */
import { invariant } from '../base/invariant.js';
import { claimedHash, CLAIM_BYTES_MAX, type Decoded, type DueLine, frameHash, HASH_MARK, LINE_END, refuse, show } from './line-format.js';
import { HASH_TAIL_BYTES } from './line-scan.js';
import { FIRST_FORMAT, type LogFormat, NEWEST_FORMAT } from './log-format.js';

/** Every format of a log begins like this, newer ones included. */
const FORMAT_FAMILY = 'simplekv/';
const HEADER_START = '{"format":';
const FORMAT_MEMBER_BYTES = formatMember(FIRST_FORMAT).length;
const VERSION = /^[1-9]\d*$/;
const HEADER = /^\{"format":"([^"\\]*)"(.*)$/;
const HEADER_FIELDS =
  /^,"project":"([0-9a-z_-]+)","log_id":"([0-9a-f]{32})","first_seq":([1-9]\d{0,15}),"prev":"([0-9a-f]{64})"(?:,"base":"([0-9a-f]{64})")?$/;
const SEAL = /^\{"seal":"(\d{20}\.jsonl)","next_seq":([1-9]\d{0,15}),"next":"([0-9a-z_-]+\.jsonl)"$/;

/** The first line of a segment. */
export interface SegmentHeader {
  readonly format: LogFormat;
  readonly project: string;
  readonly logId: string;
  readonly firstSeq: number;
  /** Hash of the last line of the previous segment, or the genesis hash. */
  readonly previousHash: string;
  /**
   * Digest of the manifest of the snapshot that holds everything before, 64 hexadecimal digits. Only the first segment of a log that
   * does not begin with seq 1 may have one.
   */
  readonly base?: string | undefined;
}

/** Encodes a header line. */
export function encodeHeaderLine(header: SegmentHeader): string {
  invariant(header.firstSeq >= 1, 'seq counts from 1');
  const log = `"project":"${header.project}","log_id":"${header.logId}"`;
  const base = header.base === undefined ? '' : `,"base":"${header.base}"`;
  const partA = `${formatMember(header.format)},${log},"first_seq":${header.firstSeq},"prev":"${header.previousHash}"${base}`;
  // A header that no reader accepts would cost the whole log.
  invariant(HEADER_FIELDS.test(partA.slice(FORMAT_MEMBER_BYTES)), 'a header has the form that readers accept');
  return closeLine(partA, header.previousHash);
}

/** The last line of a sealed segment. */
export interface SegmentSeal {
  /** The permanent name of this segment in the project's folder. */
  readonly sealedName: string;
  /** The first seq of the next segment. */
  readonly nextSeq: number;
  /** The next file, for a person reading with `tail -f`. */
  readonly nextName: string;
}

/** Encodes a seal line. */
export function encodeSealLine(seal: SegmentSeal, previousHash: string): string {
  return closeLine(`{"seal":"${seal.sealedName}","next_seq":${seal.nextSeq},"next":"${seal.nextName}"`, previousHash);
}

function isKnown(version: number): version is LogFormat {
  return version === FIRST_FORMAT || version === NEWEST_FORMAT;
}

function formatMember(format: LogFormat): string {
  return `${HEADER_START}"${FORMAT_FAMILY}${format}"`;
}

function closeLine(partA: string, previousHash: string): string {
  return `${partA}${HASH_MARK}${frameHash(partA, previousHash)}${LINE_END}\n`;
}

/**
 * Decodes a header line and verifies its hash. The caller checks whether it is the expected header.
 *
 * @param bytes the line without its line feed
 * @returns the header, `{unknownFormat}` for a header of a newer format, or what is wrong with it
 */
export function decodeHeaderLine(bytes: Buffer): Decoded<SegmentHeader | { readonly unknownFormat: string }> {
  const text = bytes.toString('latin1');
  const format = HEADER.exec(text)?.[1];
  if (format === undefined || !format.startsWith(FORMAT_FAMILY)) return refuse('a header line', show(bytes));
  // Checked before the hash: a newer version may hash differently, and must not be reported as damage.
  const version = Number(format.slice(FORMAT_FAMILY.length));
  if (!isKnown(version) && VERSION.test(format.slice(FORMAT_FAMILY.length))) return { ok: true, value: { unknownFormat: format } };
  const written = claimedHash(bytes);
  if (written === undefined) return refuse('a header line that ends with its hash', show(bytes));
  const partA = text.slice(0, -HASH_TAIL_BYTES);
  const fields = HEADER_FIELDS.exec(partA.slice(FORMAT_MEMBER_BYTES));
  if (!isKnown(version) || fields === null) {
    return refuse('the fields format, project, log_id, first_seq and prev, in this order, base after them', show(bytes));
  }
  const [, project, logId, firstSeq, previousHash, base] =
    fields as unknown as readonly [string, string, string, string, string, string | undefined];
  const computed = frameHash(partA, previousHash);
  if (computed !== written) return refuse(`hash ${computed}`, `hash ${written}`);
  const header = { format: version, project, logId, firstSeq: Number(firstSeq), previousHash };
  return { ok: true, value: base === undefined ? header : { ...header, base } };
}

/**
 * Tells whether a line, whole or damaged, begins like a seal.
 *
 * @param bytes the line without its line feed
 */
export function looksLikeSeal(bytes: Buffer): boolean {
  return bytes.toString('latin1', 0, '{"seal":'.length) === '{"seal":';
}

/**
 * Decodes a seal line and verifies its hash and its seq.
 *
 * @param bytes the line without its line feed
 */
export function decodeSealLine(bytes: Buffer, due: DueLine): Decoded<SegmentSeal> {
  const written = claimedHash(bytes);
  if (written === undefined) return refuse('a seal line that ends with its hash', show(bytes));
  const partA = bytes.toString('latin1', 0, bytes.length - HASH_TAIL_BYTES);
  const fields = SEAL.exec(partA);
  if (fields === null) return refuse('the fields seal, next_seq and next, in this order', show(bytes));
  const computed = frameHash(partA, due.previousHash);
  if (computed !== written) return refuse(`hash ${computed}`, `hash ${written}`);
  const [, sealedName, nextSeq, nextName] = fields as unknown as readonly [string, string, string, string];
  if (Number(nextSeq) !== due.seq) return refuse(`next_seq ${due.seq}`, `next_seq ${nextSeq}`);
  return { ok: true, value: { sealedName, nextSeq: Number(nextSeq), nextName } };
}

const NEXT_SEQ_CLAIM = /^\{"seal":"[^"]*","next_seq":(\d{1,16}),/;

/**
 * Reads which segment a seal, whole or damaged, names as the next one.
 *
 * @param bytes the line without its line feed
 * @returns the first seq of the next segment; undefined if the line does not begin like a seal
 */
export function claimedNextSeq(bytes: Buffer): number | undefined {
  const claim = NEXT_SEQ_CLAIM.exec(bytes.toString('latin1', 0, CLAIM_BYTES_MAX))?.[1];
  return claim === undefined ? undefined : Number(claim);
}

/**
 * Tells whether a line, whole or damaged, begins like a header.
 *
 * @param bytes the line without its line feed
 */
export function looksLikeHeader(bytes: Buffer): boolean {
  return bytes.toString('latin1', 0, HEADER_START.length) === HEADER_START;
}
