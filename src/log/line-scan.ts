/**
 * Finds the fields of an event line by their position, without making text of them: a start reads millions of lines. With `line-format.ts`
 * the only module that knows how a line is spelled. Pure.
 *
 * A line that is found is well-formed by the patterns of `line-format.ts`, except for the digits of its hash. The reverse does not hold:
 * what is rare, such as a seq of 16 digits, is left to those patterns, and so is saying what is wrong with a line. No hash is checked here.
 */
import { countIn, digitAt, endOfCount, endOfPlainText, isAt } from '../base/byte-scan.js';

/** Length of `,"hash":"<64 hex>"}`, the end of every line, in bytes. */
export const HASH_TAIL_BYTES = 75;
/** Length of `,"salt":"<22 characters>",`, the start of part B of an event line, in bytes. */
export const SALT_HEAD_BYTES = 33;

const BEFORE_SEQ = Buffer.from('{"seq":');
const BEFORE_TIME = Buffer.from(',"time":"');
const BEFORE_OP = Buffer.from('","op":"');
const BEFORE_ACTOR = Buffer.from('","actor":"');
const BEFORE_REQUEST = Buffer.from('","request":"');
const BEFORE_DURABLE = Buffer.from('","durable":');
const BEFORE_SALT = Buffer.from(',"salt":"');
const AFTER_SALT = Buffer.from('",');
const BEFORE_HASH = Buffer.from(',"hash":"');
const AFTER_HASH = Buffer.from('"}');

const TIME_BYTES = '2026-01-01T00:00:00.000Z'.length;
/** The part of a time that is converted once for all lines of that minute: `2026-01-01T00:00`. */
const MINUTE_BYTES = '2026-01-01T00:00'.length;
const MINUTE = /^\d{4}-\d\d-\d\dT\d\d:\d\d$/;
/** The bytes after it, `:00.000Z`, by their place in the time. */
const [SECONDS_AT, POINT_AT, MILLISECONDS_AT, ZONE_AT] = [17, 19, 20, 23] as const;
const [COLON, POINT, ZONE] = Buffer.from(':.Z') as unknown as readonly [number, number, number];
const SECONDS_PER_MINUTE = 60;
const MS_PER_SECOND = 1000;
const LAST_SECOND_MS = 59_000;
const TEN = 10;

const BYTE_VALUES = 256;
const OP_BYTES = classOf(/[a-z_.]/);
const SALT_BYTES = classOf(/[0-9A-Za-z_-]/);

/** The bytes that belong to a class, as 1. */
function classOf(members: RegExp): Uint8Array {
  return Uint8Array.from({ length: BYTE_VALUES }, (_, byte) => (members.test(String.fromCharCode(byte)) ? 1 : 0));
}

/** The fields of the line that was found last. Offsets are in the bytes that were given. */
export class LineScan {
  seq = 0;
  /** In milliseconds since 1970. */
  timeMs = 0;
  opStart = 0;
  opEnd = 0;
  actorStart = 0;
  actorEnd = 0;
  requestStart = 0;
  requestEnd = 0;
  durable = 0;
  /** Where part A ends and part B begins. */
  saltStart = 0;
  bodyStart = 0;
  /** Where part B ends and the hash tail begins. */
  bodyEnd = 0;
  /** Where the digits of the hash begin. */
  hashStart = 0;
  readonly #minute = Buffer.alloc(MINUTE_BYTES);
  #minuteMs = Number.NaN;

  /**
   * Finds the fields of a line.
   *
   * @param start where the line begins
   * @param end where it ends, without its line feed
   * @returns false if it is no event line, or not one that is read by position
   */
  find(bytes: Buffer, start: number, end: number): boolean {
    this.bodyEnd = end - HASH_TAIL_BYTES;
    this.hashStart = this.bodyEnd + BEFORE_HASH.length;
    if (this.bodyEnd < start || !isAt(bytes, this.bodyEnd, BEFORE_HASH) || !isAt(bytes, end - AFTER_HASH.length, AFTER_HASH)) return false;
    return this.#findPartA(bytes, start) && this.#findSalt(bytes);
  }

  /** Cannot run into the next line: the tail was found, and its quotation mark or letters end each field. */
  #findPartA(bytes: Buffer, start: number): boolean {
    const seqStart = start + BEFORE_SEQ.length;
    const seqEnd = endOfCount(bytes, seqStart);
    this.seq = countIn(bytes, seqStart, seqEnd);
    if (this.seq === 0 || !isAt(bytes, start, BEFORE_SEQ) || !isAt(bytes, seqEnd, BEFORE_TIME)) return false;
    const timeStart = seqEnd + BEFORE_TIME.length;
    if (!this.#readTime(bytes, timeStart) || !isAt(bytes, timeStart + TIME_BYTES, BEFORE_OP)) return false;
    this.opStart = timeStart + TIME_BYTES + BEFORE_OP.length;
    this.opEnd = endOfClass(bytes, this.opStart, OP_BYTES);
    if (this.opEnd === this.opStart || !isAt(bytes, this.opEnd, BEFORE_ACTOR)) return false;
    this.actorStart = this.opEnd + BEFORE_ACTOR.length;
    this.actorEnd = endOfPlainText(bytes, this.actorStart, this.bodyEnd);
    if (!isAt(bytes, this.actorEnd, BEFORE_REQUEST)) return false;
    this.requestStart = this.actorEnd + BEFORE_REQUEST.length;
    this.requestEnd = endOfPlainText(bytes, this.requestStart, this.bodyEnd);
    if (!isAt(bytes, this.requestEnd, BEFORE_DURABLE)) return false;
    const durableStart = this.requestEnd + BEFORE_DURABLE.length;
    this.saltStart = endOfCount(bytes, durableStart);
    this.durable = countIn(bytes, durableStart, this.saltStart);
    return this.saltStart > durableStart;
  }

  #findSalt(bytes: Buffer): boolean {
    this.bodyStart = this.saltStart + SALT_HEAD_BYTES;
    if (this.bodyStart > this.bodyEnd || !isAt(bytes, this.saltStart, BEFORE_SALT)) return false;
    const saltEnd = this.bodyStart - AFTER_SALT.length;
    return endOfClass(bytes, this.saltStart + BEFORE_SALT.length, SALT_BYTES) === saltEnd && isAt(bytes, saltEnd, AFTER_SALT);
  }

  /** Converts a time to milliseconds; false if it does not exist. Most lines are of the same minute as the line before. */
  #readTime(bytes: Buffer, start: number): boolean {
    if (bytes[start + MINUTE_BYTES] !== COLON || bytes[start + POINT_AT] !== POINT || bytes[start + ZONE_AT] !== ZONE) return false;
    if (!isAt(bytes, start, this.#minute)) this.#beginMinute(bytes, start);
    const seconds = twoDigitsAt(bytes, start + SECONDS_AT);
    const hundredths = twoDigitsAt(bytes, start + MILLISECONDS_AT);
    const thousandths = digitAt(bytes, start + ZONE_AT - 1);
    this.timeMs = this.#minuteMs + seconds * MS_PER_SECOND + hundredths * TEN + thousandths;
    return seconds >= 0 && seconds < SECONDS_PER_MINUTE && hundredths >= 0 && thousandths >= 0 && !Number.isNaN(this.timeMs);
  }

  #beginMinute(bytes: Buffer, start: number): void {
    bytes.copy(this.#minute, 0, start, start + MINUTE_BYTES);
    const text = this.#minute.toString('latin1');
    // The last second, since 24:00 is a time of day only without seconds.
    this.#minuteMs = MINUTE.test(text) ? Date.parse(`${text}:59.000Z`) - LAST_SECOND_MS : Number.NaN;
  }
}

function twoDigitsAt(bytes: Buffer, at: number): number {
  const tens = digitAt(bytes, at);
  const ones = digitAt(bytes, at + 1);
  return tens < 0 || ones < 0 ? -1 : tens * TEN + ones;
}

function endOfClass(bytes: Buffer, start: number, members: Uint8Array): number {
  let at = start;
  while (members[bytes[at] ?? 0] === 1) at += 1;
  return at;
}
