/**
 * The file of a generation with the requests that are remembered, as specified in `docs/snapshot-format.md`: one line per request, in the
 * order of their seqs. A line is a JSON array, `["key","actor","op",seq,timeMs,"hash","checksum",count]`, spelled exactly as
 * `JSON.stringify` does.
 */
import { HEX_WORD_DIGITS, hexWord, wordOfText } from '../../base/hex-word.js';
import { isIdempotencyKey } from '../../events/idempotency.js';
import type { RememberedRequest } from '../requests/request-records.js';
import { type DataFileReader, readLines } from './data-file-reader.js';

const FIELDS = 8;
const OP = /^[a-z_.]+$/;
const HASH = /^[0-9a-f]{64}$/;
const LINE_FEED = 0x0a;

/** Encodes a line. Only an actor may have characters that need escaping. */
export function encodeRequestLine({ key, actor, op, seq, timeMs, hash, checksum, count }: RememberedRequest): string {
  return `["${key}",${JSON.stringify(actor)},"${op}",${seq},${timeMs},"${hash}","${hexWord(checksum)}",${count}]\n`;
}

/** Decodes a line without its line feed; undefined for what is none. */
function decodeRequestLine(text: string): RememberedRequest | undefined {
  const row = parse(text);
  if (!Array.isArray(row) || row.length !== FIELDS || JSON.stringify(row) !== text) return undefined;
  const [key, actor, op, seq, timeMs, hash, checksumText, count] = row as readonly unknown[];
  if (typeof key !== 'string' || !isIdempotencyKey(key) || typeof actor !== 'string') return undefined;
  if (typeof op !== 'string' || !OP.test(op) || typeof hash !== 'string' || !HASH.test(hash)) return undefined;
  if (!isWhole(seq) || seq < 1 || !isWhole(timeMs) || !isWhole(count) || count < 0) return undefined;
  const isWord = typeof checksumText === 'string' && checksumText.length === HEX_WORD_DIGITS;
  const checksum = isWord ? wordOfText(checksumText) : undefined;
  return checksum === undefined ? undefined : { key, actor, op, seq, timeMs, hash, checksum, count };
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text) as unknown;
  } catch {
    return undefined;
  }
}

function isWhole(value: unknown): value is number {
  return Number.isSafeInteger(value);
}

/** What the manifest says of the file. */
interface ExpectedRequests {
  /** Seq of the generation. */
  readonly seq: number;
  /** Number of requests. */
  readonly count: number;
}

/**
 * Reads the rest of a file.
 *
 * @returns groups of requests, ascending by seq
 * @throws {SnapshotCorruptError} when a line, the order, the number or the digest is wrong; at the latest after the last group
 */
export async function* readRequestLines(
  reader: DataFileReader, expected: ExpectedRequests,
): AsyncGenerator<readonly RememberedRequest[]> {
  let lastSeq = 0;
  let count = 0;
  for await (const { bytes, offset } of readLines(reader)) {
    const group: RememberedRequest[] = [];
    let start = 0;
    for (let end = bytes.indexOf(LINE_FEED); end >= 0; end = bytes.indexOf(LINE_FEED, start)) {
      const request = decodeRequestLine(bytes.toString('utf8', start, end));
      if (request === undefined) throw reader.corrupt(offset + start, 'a line of a request', 'something else');
      const { seq } = request;
      if (seq <= lastSeq || seq > expected.seq) {
        throw reader.corrupt(offset + start, `a seq above ${lastSeq}, up to ${expected.seq}`, `seq ${seq}`);
      }
      lastSeq = seq;
      group.push(request);
      start = end + 1;
    }
    count += group.length;
    yield group;
  }
  if (count !== expected.count) throw reader.corrupt(0, `${expected.count} requests`, `${count}`);
}
