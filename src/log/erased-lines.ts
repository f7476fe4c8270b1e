/**
 * Erased lines: their part B is replaced by a mark of the same length, and a later `redact` line says what it was. That is the only
 * operation that a log itself understands, because without it the hash of an erased line could not be verified. Pure;
 * `docs/log-format.md` specifies both.
 */
import { endOfCount, isAt } from '../base/byte-scan.js';
import type { Finding } from '../base/finding.js';
import { invariant } from '../base/invariant.js';
import { HASH_TAIL_BYTES } from './line-scan.js';
import type { LogLine, LogPosition } from './log.js';

/** The operation of the lines that record erasures. */
export const REDACT = 'redact';

const ERASED_MARK = Buffer.from(',"erased":true');
const SPACE = 0x20;
const BEFORE_SEQ = Buffer.from('{"seq":');
/** From the end of the seq to that of the time: `,"time":"2026-01-01T00:00:00.000Z`. */
const TIME_MEMBER_BYTES = ',"time":"2026-01-01T00:00:00.000Z'.length;
const REDACT_MARK = Buffer.from(`","op":"${REDACT}","actor":"`);

/** What a `redact` line says about one erased line. */
export interface Erasure {
  /** Seq of the erased line. */
  readonly seq: number;
  /** The line that records the erasure. */
  readonly by: LogPosition;
  /** SHA-256 of the part B that was erased, in hexadecimal digits. */
  readonly digest: string;
  /** Its length in bytes. */
  readonly sizeBytes: number;
  /** The fields of the operation without its values, as JSON members without braces. */
  readonly left: string;
}

/** Finds the erasures that a log records. */
export interface Erasures {
  /** Returns the erasure of a line, if it is known by now. */
  find(seq: number): Erasure | undefined;
  /** Reads what the log records by now. Resolves also if a part of the log cannot be read. */
  load(): Promise<void>;
}

/**
 * Finds where part A of an erased line ends.
 *
 * @param bytes the line without its line feed
 * @returns -1 if the line is not erased. In an operation nothing else ends like the mark
 */
export function endOfErasedPartA(bytes: Buffer): number {
  let end = bytes.length - HASH_TAIL_BYTES;
  while (end > 0 && bytes[end - 1] === SPACE) end -= 1;
  const start = end - ERASED_MARK.length;
  return start > 0 && isAt(bytes, start, ERASED_MARK) ? start : -1;
}

/** Returns what replaces a part B. */
export function erasedPartB(sizeBytes: number): Buffer {
  invariant(sizeBytes >= ERASED_MARK.length, 'a part B is longer than the mark');
  const bytes = Buffer.alloc(sizeBytes, SPACE);
  ERASED_MARK.copy(bytes);
  return bytes;
}

/** Tells whether a line, whole or damaged, begins like one that records erasures. */
export function looksLikeRedact(bytes: Buffer): boolean {
  return isAt(bytes, 0, BEFORE_SEQ) && isAt(bytes, endOfCount(bytes, BEFORE_SEQ.length) + TIME_MEMBER_BYTES, REDACT_MARK);
}

interface RecordedErasure {
  readonly seq: number;
  readonly digest: string | null;
  readonly bytes: number | null;
  readonly left: object;
}

/**
 * Reads the erasures that a line records.
 *
 * @param by the line
 * @param body its fields
 * @returns none of lines that the log no longer had
 */
export function erasuresIn(by: LogPosition, body: string): readonly Erasure[] {
  const { lines } = JSON.parse(`{${body}}`) as { readonly lines?: readonly RecordedErasure[] };
  return (lines ?? []).flatMap(({ seq, digest, bytes: sizeBytes, left }) => (
    digest === null || sizeBytes === null || seq >= by.seq
      ? [] : [{ seq, by: { seq: by.seq, hash: by.hash }, digest, sizeBytes, left: JSON.stringify(left).slice(1, -1) }]
  ));
}

/** Reads which lines a line says to have been erased that the log no longer had. */
export function goneErasuresIn(body: string): readonly number[] {
  const { lines } = JSON.parse(`{${body}}`) as { readonly lines?: readonly RecordedErasure[] };
  return (lines ?? []).filter(({ digest }) => digest === null).map(({ seq }) => seq);
}

/** The erasures that a reading of a whole log has relied on: it must come to each line that records one. */
export class OwedErasures {
  /** The erased line, by the line that records it. */
  readonly #owed = new Map<number, { readonly seq: number; readonly hash: string }>();

  /** Notes each line that is read, in order. */
  note(line: LogLine): void {
    const { seq, op, erasedBy } = line;
    if (erasedBy !== undefined) this.#owed.set(erasedBy.seq, { seq, hash: erasedBy.hash });
    else if (op === REDACT && this.#owed.get(seq)?.hash === line.hash) this.#owed.delete(seq);
  }

  /** An erased line whose record was not among the lines; undefined if there is none. */
  get finding(): Omit<Finding, 'file'> | undefined {
    const [first] = this.#owed;
    if (first === undefined) return undefined;
    const [bySeq, { seq }] = first;
    return { offset: 0, seq: bySeq, expected: `the line that records that the line of seq ${seq} was erased`, found: 'none' };
  }
}
