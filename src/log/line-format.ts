/**
 * The event lines of a log, and the hash chain through them; the lines around them are in `segment-format.ts`. With `line-scan.ts` the only
 * modules that know how a line is spelled. Pure: opens nothing. `docs/log-format.md` is the specification.
 */
import { hash } from 'node:crypto';
import { invariant } from '../base/invariant.js';
import { isoTime } from '../base/iso-time.js';
import type { TextPlace } from '../base/text-place.js';
import { endOfErasedPartA, type Erasures } from './erased-lines.js';
import { HASH_TAIL_BYTES, LineScan, SALT_HEAD_BYTES } from './line-scan.js';
import type { LineDraft, LogLine } from './log.js';

/** The chain of every log begins with this text, whatever the format of its lines. */
const GENESIS = 'simplekv/1';

/** Length of a hash: SHA-256 in lower-case hexadecimal digits. */
export const HASH_CHARACTERS = 64;

const SALT_MARK = ',"salt":';
/** What stands before the hash of a line. */
export const HASH_MARK = ',"hash":"';
/** What stands behind the hash of a line. */
export const LINE_END = '"}';
const SALT_CHARACTERS = 22;
invariant(HASH_MARK.length + HASH_CHARACTERS + LINE_END.length === HASH_TAIL_BYTES, 'a line ends with its hash');
invariant(SALT_MARK.length + SALT_CHARACTERS + '"",'.length === SALT_HEAD_BYTES, 'part B begins with its salt');

const PART_A = new RegExp(
  String.raw`^\{"seq":([1-9]\d{0,15}),"time":"(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z)","op":"([a-z_.]+)",` +
    String.raw`"actor":"([^"\\]*)","request":"([^"\\]*)","durable":(0|[1-9]\d{0,15})$`,
);
const SALT_HEAD = /^,"salt":"[0-9A-Za-z_-]{22}",$/;
const HASH_TAIL = /^,"hash":"[0-9a-f]{64}"\}$/;
/** The usual actor and request id; the other expression costs ten times as much. */
const NEEDS_NO_ESCAPING = /^[\w .:/@-]*$/;
const NEEDS_ESCAPING = /["\\\p{Cc}\p{Surrogate}]/u;

function sha256(data: string | Uint8Array): string {
  return hash('sha256', data, 'hex');
}

const DIGEST_OF_NOTHING = sha256('');

/**
 * Returns the hash that seq 1 is chained to.
 *
 * @param logId 32 hexadecimal digits
 * @returns SHA-256 of `simplekv/1\n<project>\n<log_id>`
 */
export function genesisHash(project: string, logId: string): string {
  return sha256(`${GENESIS}\n${project}\n${logId}`);
}

/** Hashes the previous hash and the digests of the line's two parts, so that A can be verified after B has been erased. */
function chainHash(previousHash: string, digestOfA: string, digestOfB: string): string {
  return sha256(previousHash + digestOfA + digestOfB);
}

/** Hashes a line without a part B: a header or a seal. */
export function frameHash(partA: string, previousHash: string): string {
  return chainHash(previousHash, sha256(partA), DIGEST_OF_NOTHING);
}

/** What the log adds to a draft. */
interface LineStamp {
  readonly seq: number;
  readonly timeMs: number;
  readonly durable: number;
  /** 22 characters of the base64url alphabet. */
  readonly salt: string;
}

/** How long a line is, and where its operation's fields are. */
export interface LineExtent {
  /** Length of the whole line in bytes. */
  readonly sizeBytes: number;
  /** Offset of {@link LineDraft.body} in bytes from the start of the line. */
  readonly bodyOffset: number;
  /** Its length in bytes. */
  readonly bodyBytes: number;
}

/** A line that is ready to be written. */
interface EncodedLine extends LineExtent {
  /** The whole line with its line feed. */
  readonly text: string;
  readonly hash: string;
}

/**
 * Encodes an event line.
 *
 * @param previousHash hash of the previous line, or the genesis hash
 */
export function encodeEventLine(draft: LineDraft, stamp: LineStamp, previousHash: string): EncodedLine {
  invariant(previousHash.length === HASH_CHARACTERS, 'a line is chained to a hash');
  invariant(stamp.durable < stamp.seq, 'a line cannot prove its own durability');
  invariant(isCount(stamp.seq) && isCount(stamp.durable), 'seqs are counted');
  invariant(needsNoEscaping(draft.actor) && needsNoEscaping(draft.request), 'actor and request id need no escaping');
  invariant(draft.body !== '' && !draft.body.includes('\n') && !draft.body.includes('\r'), 'the fields of an operation are one line');
  const partA = partAOf(draft, stamp);
  const partB = `${SALT_MARK}"${stamp.salt}",${draft.body}`;
  const lineHash = chainHash(previousHash, sha256(partA), sha256(partB));
  const bodyOffset = Buffer.byteLength(partA) + SALT_HEAD_BYTES;
  const bodyBytes = Buffer.byteLength(draft.body);
  const text = `${partA}${partB}${HASH_MARK}${lineHash}${LINE_END}\n`;
  return { text, hash: lineHash, sizeBytes: bodyOffset + bodyBytes + HASH_TAIL_BYTES + 1, bodyOffset, bodyBytes };
}

/** What lines of a batch mostly have in common: the text from their time to their actor. */
let common = { timeMs: Number.NaN, op: '', actor: '', text: '' };

function partAOf(
  { op, actor, request }: Pick<LineDraft, 'op' | 'actor' | 'request'>, { seq, timeMs, durable }: Omit<LineStamp, 'salt'>,
): string {
  if (common.timeMs !== timeMs || common.op !== op || common.actor !== actor) {
    const text = `,"time":"${isoTime(timeMs)}","op":"${op}","actor":"${actor}","request":"`;
    // A line that no reader accepts would cost the whole log.
    invariant(PART_A.test(`{"seq":1${text}","durable":0`), 'part A has the form that readers accept');
    common = { timeMs, op, actor, text };
  }
  return `{"seq":${seq}${common.text}${request}","durable":${durable}`;
}

function isCount(value: number): boolean {
  return Number.isSafeInteger(value) && value >= 0;
}

function needsNoEscaping(name: string): boolean {
  return NEEDS_NO_ESCAPING.test(name) || !NEEDS_ESCAPING.test(name);
}

/**
 * Computes the place of a whole line from that of its body, since its fields determine the bytes before the body.
 *
 * @returns the line with its line feed, which the last line of a log may lack
 */
export function placeOfLine(line: LogLine): TextPlace {
  invariant(line.place !== undefined, `the line of seq ${line.seq} is in a file`);
  const { segment, offset, sizeBytes } = line.place;
  const bodyOffset = Buffer.byteLength(partAOf(line, line)) + SALT_HEAD_BYTES;
  return { segment, offset: offset - bodyOffset, sizeBytes: bodyOffset + sizeBytes + HASH_TAIL_BYTES + 1 };
}

/** Why bytes are not the expected line. */
export interface LineFault {
  readonly expected: string;
  readonly found: string;
  /** Set for an erased line of whose erasure nothing is known yet. */
  readonly isUnrecorded?: true;
}

/** The result of decoding. */
export type Decoded<T> = { readonly ok: true; readonly value: T } | { readonly ok: false; readonly fault: LineFault };

/** The expected line at a place of a segment. */
export interface DueLine {
  readonly seq: number;
  readonly previousHash: string;
  /** `durable` of the previous line; it never decreases. */
  readonly durable: number;
  /** The segment of the line: the seq of its first event. */
  readonly segment: number;
  /** Offset of the line in bytes from the start of the segment. */
  readonly offset: number;
}

const SHOWN_CHARACTERS = 40;

/** Says why bytes are not the expected line. */
export function refuse(expected: string, found: string): { readonly ok: false; readonly fault: LineFault } {
  return { ok: false, fault: { expected, found } };
}

/** Quotes the beginning of a line. */
export function show(bytes: Buffer): string {
  return JSON.stringify(bytes.toString('latin1', 0, SHOWN_CHARACTERS));
}

/**
 * Reads the hash that a line, whole or damaged, ends with.
 *
 * @param bytes the line without its line feed
 * @returns undefined if it does not end with a hash
 */
export function claimedHash(bytes: Buffer): string | undefined {
  const tail = bytes.toString('latin1', bytes.length - HASH_TAIL_BYTES);
  return HASH_TAIL.test(tail) ? tail.slice(HASH_MARK.length, HASH_MARK.length + HASH_CHARACTERS) : undefined;
}

/**
 * Verifies and decodes an event line.
 *
 * A line is valid if and only if its three parts have their form, its hash is that of the previous line's hash, part A and part B, its
 * seq is the expected one, and its `durable` is below its seq and not below that of the previous line. Of an erased line, the digest of
 * part B is the one that is recorded.
 *
 * @param bytes the line without its line feed
 * @param erasures those of the log that are known by now
 */
export function decodeEventLine(bytes: Buffer, due: DueLine, erasures?: Erasures): Decoded<LogLine> {
  const line = decodeByPosition(bytes, due);
  if (line !== undefined) return { ok: true, value: line };
  const erasedAt = endOfErasedPartA(bytes);
  return erasedAt < 0 ? decodeByPatterns(bytes, due) : decodeErased(bytes, erasedAt, due, erasures);
}

/**
 * Checks the hash of a line.
 *
 * @param bytes in which the fields were found
 * @param start where the line begins
 * @returns the hash; undefined if it is not that of the line
 */
export function soundHash(bytes: Buffer, start: number, fields: LineScan, previousHash: string): string | undefined {
  const { saltStart, bodyEnd, hashStart } = fields;
  const written = bytes.toString('latin1', hashStart, hashStart + HASH_CHARACTERS);
  const computed = chainHash(previousHash, sha256(bytes.subarray(start, saltStart)), sha256(bytes.subarray(saltStart, bodyEnd)));
  return computed === written ? computed : undefined;
}

const SCAN = new LineScan();

/** Decodes a sound line of the usual form; undefined if it is another one, or not sound. */
function decodeByPosition(bytes: Buffer, due: DueLine): LogLine | undefined {
  if (!SCAN.find(bytes, 0, bytes.length)) return undefined;
  const { seq, timeMs, durable, bodyStart, bodyEnd } = SCAN;
  if (seq !== due.seq || durable >= seq || durable < due.durable) return undefined;
  const hash = soundHash(bytes, 0, SCAN, due.previousHash);
  if (hash === undefined) return undefined;
  const op = bytes.toString('latin1', SCAN.opStart, SCAN.opEnd);
  const actor = bytes.toString('utf8', SCAN.actorStart, SCAN.actorEnd);
  const request = bytes.toString('utf8', SCAN.requestStart, SCAN.requestEnd);
  const body = bytes.toString('utf8', bodyStart, bodyEnd);
  const place = { segment: due.segment, offset: due.offset + bodyStart, sizeBytes: bodyEnd - bodyStart };
  return { seq, timeMs, op, actor, request, durable, body, hash, place };
}

/** Decodes any sound line that is not erased, or says what is wrong with it. */
function decodeByPatterns(bytes: Buffer, due: DueLine): Decoded<LogLine> {
  const split = bytes.indexOf(SALT_MARK, 0, 'latin1');
  const end = bytes.length - HASH_TAIL_BYTES;
  if (claimedHash(bytes) === undefined) return refuse('a line that ends with its hash', show(bytes));
  if (split < 0 || split + SALT_HEAD_BYTES > end) return refuse('an event line with a salt', show(bytes));
  const isSalted = SALT_HEAD.test(bytes.toString('latin1', split, split + SALT_HEAD_BYTES));
  const body = bytes.toString('utf8', split + SALT_HEAD_BYTES, end);
  return decodeParts(bytes, due, { split, digestOfB: sha256(bytes.subarray(split, end)), isFormed: isSalted, body });
}

/** Decodes a sound line that was erased. It keeps the place of its body, although nothing is there. */
function decodeErased(bytes: Buffer, split: number, due: DueLine, erasures: Erasures | undefined): Decoded<LogLine> {
  const erasure = erasures?.find(due.seq);
  if (claimedHash(bytes) === undefined) return refuse('a line that ends with its hash', show(bytes));
  if (erasure === undefined) {
    const fault = { expected: 'a later line that records that this one was erased', found: 'none', isUnrecorded: true } as const;
    return { ok: false, fault };
  }
  const sizeBytes = bytes.length - HASH_TAIL_BYTES - split;
  if (sizeBytes !== erasure.sizeBytes) return refuse(`${erasure.sizeBytes} erased bytes`, `${sizeBytes} bytes`);
  const decoded = decodeParts(bytes, due, { split, digestOfB: erasure.digest, isFormed: true, body: erasure.left });
  return decoded.ok ? { ok: true, value: { ...decoded.value, erasedBy: erasure.by } } : decoded;
}

/** What part A is followed by. */
interface LineParts {
  /** Where part A ends. */
  readonly split: number;
  readonly digestOfB: string;
  /** Whether part B begins as it must. */
  readonly isFormed: boolean;
  readonly body: string;
}

function decodeParts(bytes: Buffer, due: DueLine, { split, digestOfB, isFormed, body }: LineParts): Decoded<LogLine> {
  const written = claimedHash(bytes) ?? '';
  const computed = chainHash(due.previousHash, sha256(bytes.subarray(0, split)), digestOfB);
  if (computed !== written) return refuse(`hash ${computed}`, `hash ${written}`);
  const fields = PART_A.exec(bytes.toString('utf8', 0, split));
  if (fields === null || !isFormed) {
    return refuse('the fields seq, time, op, actor, request, durable and salt, in this order', show(bytes));
  }
  const [, seq, time, op, actor, request, durable] = fields as unknown as readonly [string, string, string, string, string, string, string];
  if (Number(seq) !== due.seq) return refuse(`seq ${due.seq}`, `seq ${seq}`);
  if (Number(durable) >= due.seq || Number(durable) < due.durable) {
    return refuse(`durable from ${due.durable} to ${due.seq - 1}`, `durable ${durable}`);
  }
  const timeMs = Date.parse(time);
  if (Number.isNaN(timeMs)) return refuse('a valid time', time);
  const bodyOffset = split + SALT_HEAD_BYTES;
  const place = { segment: due.segment, offset: due.offset + bodyOffset, sizeBytes: bytes.length - HASH_TAIL_BYTES - bodyOffset };
  return { ok: true, value: { seq: due.seq, timeMs, op, actor, request, durable: Number(durable), body, hash: written, place } };
}

const DURABLE_CLAIM = /"durable":(\d{1,16}),"(?:salt|erased)":/;
/** How far into a damaged line its claims are looked for, in bytes. */
export const CLAIM_BYTES_MAX = 1024;

/**
 * Reads the `durable` field of a line, whole or damaged.
 *
 * @param bytes a line, or a piece of one
 * @returns the seq that was synced before the line, or 0 if the field is not legible
 */
export function claimedDurable(bytes: Buffer): number {
  const claim = DURABLE_CLAIM.exec(bytes.toString('latin1', 0, CLAIM_BYTES_MAX));
  return claim?.[1] === undefined ? 0 : Number(claim[1]);
}

const SEQ_CLAIM = /^\{"seq":([1-9]\d{0,15}),/;

/**
 * Reads the seq that an event line, whole or damaged, has.
 *
 * @param bytes the line, or its beginning
 * @returns undefined if the line does not begin like an event
 */
export function claimedSeq(bytes: Buffer): number | undefined {
  const claim = SEQ_CLAIM.exec(bytes.toString('latin1', 0, CLAIM_BYTES_MAX))?.[1];
  return claim === undefined ? undefined : Number(claim);
}

const OP_CLAIM = /,"op":"([a-z_.]+)"/;

/**
 * Reads the operation that an event line, whole or damaged, has.
 *
 * @param text the line up to the fields of the operation, in which a client's text could look like an operation
 */
export function claimedOp(text: string): string | undefined {
  return OP_CLAIM.exec(text)?.[1];
}
