/**
 * Turns drafts into the bytes of one batch: stamps each line, chains it and keeps track of the end of the chain. Every implementation
 * of a log encodes its lines here, so that equal decisions give equal lines wherever they are stored.
 */
import { AppError } from '../base/app-error.js';
import { randomSalt } from '../base/random-id.js';
import { encodeEventLine, type LineExtent } from './line-format.js';
import { LINE_BYTES_MAX, type LineDraft, type LogLine, type LogPosition } from './log.js';

/** One batch, ready to be written. */
export interface EncodedBatch {
  /** All lines with their line feeds, as one text. */
  readonly text: string;
  /** Each line, in order. */
  readonly lines: readonly LogLine[];
  /** Where the fields of each line are in it, in order. */
  readonly extents: readonly LineExtent[];
  /** The end of the chain after the batch. */
  readonly end: LogPosition;
}

/** The location of the first line of a batch. */
interface BatchStart {
  /** The segment: the seq of its first event. */
  readonly segment: number;
  /** In bytes from the start of the segment. */
  readonly offset: number;
}

/**
 * Encodes a batch.
 *
 * @param drafts at least one
 * @param after the end of the log, and the last synced seq
 * @param timeMs the time of all lines, in milliseconds since 1970
 * @param start where the first line will be; absent if lines cannot be read again
 * @throws {AppError} `line_too_large` if a line exceeds {@link LINE_BYTES_MAX}
 */
export function encodeBatch(
  drafts: readonly LineDraft[], after: LogPosition & { readonly durable: number }, timeMs: number, start?: BatchStart,
): EncodedBatch {
  const lines: LogLine[] = [];
  const extents: LineExtent[] = [];
  let offset = start?.offset ?? 0;
  let text = '';
  let { seq, hash } = after;
  for (const draft of drafts) {
    seq += 1;
    const stamp = { seq, timeMs, durable: after.durable, salt: randomSalt() };
    const encoded = encodeEventLine(draft, stamp, hash);
    refuseLongLine(encoded.sizeBytes);
    hash = encoded.hash;
    text += encoded.text;
    const { durable } = stamp;
    const { op, body, actor, request } = draft;
    if (start === undefined) lines.push({ op, body, actor, request, seq, timeMs, durable, hash });
    else {
      const place = { segment: start.segment, offset: offset + encoded.bodyOffset, sizeBytes: encoded.bodyBytes };
      lines.push({ op, body, actor, request, seq, timeMs, durable, hash, place });
    }
    extents.push(encoded);
    offset += encoded.sizeBytes;
  }
  return { text, lines, extents, end: { seq, hash } };
}

function refuseLongLine(bytes: number): void {
  if (bytes <= LINE_BYTES_MAX) return;
  throw new AppError('line_too_large', `Cannot append a line of ${bytes} bytes: the limit is ${LINE_BYTES_MAX} bytes`, {
    facts: { limit: LINE_BYTES_MAX, actual: bytes },
  });
}
