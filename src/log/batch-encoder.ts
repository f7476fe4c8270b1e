/**
 * From drafts to the bytes of one batch: stamps each, chains it, and keeps the end of the chain. Every home of a log builds
 * its lines here, so that equal decisions give equal lines wherever they are kept.
 */
import { AppError } from '../base/app-error.js';
import { randomSalt } from '../base/random-id.js';
import type { LineClock } from './line-clock.js';
import { encodeEventLine } from './line-format.js';
import { LINE_BYTES_MAX, type LineDraft, type LogLine, type LogPosition } from './log.js';

/** One batch, ready to be written. */
export interface EncodedBatch {
  /** All lines with their line feeds, as one text. */
  readonly text: string;
  /** Each line, in order. */
  readonly lines: readonly LogLine[];
  /** The end of the chain when the batch is in. */
  readonly end: LogPosition;
}

/**
 * Encodes a batch.
 *
 * @param drafts at least one
 * @param after the end of the log, and the last seq that is synced
 * @param clock stamps the lines
 * @returns the batch
 * @throws {AppError} `line_too_large` when a line exceeds {@link LINE_BYTES_MAX}
 */
export function encodeBatch(
  drafts: readonly LineDraft[], after: LogPosition & { readonly durable: number }, clock: LineClock,
): EncodedBatch {
  const lines: LogLine[] = [];
  let text = '';
  let { seq, hash } = after;
  for (const draft of drafts) {
    seq += 1;
    const stamp = { seq, timeMs: clock.next(), durable: after.durable, salt: randomSalt() };
    const encoded = encodeEventLine(draft, stamp, hash);
    refuseLongLine(encoded.text);
    hash = encoded.hash;
    text += encoded.text;
    lines.push({ ...draft, seq, timeMs: stamp.timeMs, durable: stamp.durable, hash });
  }
  return { text, lines, end: { seq, hash } };
}

/** Longest encoding of one UTF-16 code unit in UTF-8, in bytes. */
const BYTES_PER_UNIT_MAX = 3;

function refuseLongLine(text: string): void {
  if (text.length * BYTES_PER_UNIT_MAX <= LINE_BYTES_MAX) return;
  const bytes = Buffer.byteLength(text);
  if (bytes <= LINE_BYTES_MAX) return;
  throw new AppError('line_too_large', `Cannot append a line of ${bytes} bytes: at most ${LINE_BYTES_MAX} are allowed`, {
    facts: { limit: LINE_BYTES_MAX, actual: bytes },
  });
}
