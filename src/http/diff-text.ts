/**
 * The text of the differences between two past states, piece by piece: the lines that made them are found for many keys at once, and
 * values are loaded for a few.
 */
import { differenceText } from '../api/diff-text.js';
import type { EventFeed } from '../store/event-feed.js';
import { lastChangesOf, loadBoth, type PastDifference, type StatePair, valueBytesOf } from '../store/past-diff.js';
import { countFitting } from '../store/past-reads.js';
import { type Admission, PIECE_VALUE_BYTES_MAX, reserve } from '../store/project-reads.js';
import { PIECE_KEYS_MAX, type TextPiece } from './listing-text.js';

/** The text of a difference besides key and values, at most, in bytes. */
const DIFFERENCE_BYTES = 1024;
/** Memory for a difference while the line that made it is searched, in bytes. */
const HELD_BYTES = 512;

/** What is written, and how. */
export interface DiffForm {
  readonly pair: StatePair;
  readonly feed: EventFeed;
  readonly withValues: boolean;
  /** True: one difference a line. False: members of an array. */
  readonly isLines: boolean;
  /** Reserves memory; called before anything is loaded. */
  readonly admit: Admission;
  /** Awaited before each piece. */
  readonly nextTurn: () => Promise<void>;
}

/**
 * Writes differences. Each comes behind a comma unless they are lines.
 *
 * @param found few enough to be held in memory, in their order
 * @param isBackwards true: from the later state to the earlier one
 */
export async function* piecesOfDifferences(
  form: DiffForm, found: readonly PastDifference[], isBackwards = false,
): AsyncGenerator<TextPiece, void, undefined> {
  const { pair, feed, withValues, isLines, nextTurn } = form;
  const heldBytes = found.length * HELD_BYTES + PIECE_KEYS_MAX * DIFFERENCE_BYTES;
  const admit: Admission = (sizeBytes) => form.admit(Math.max(sizeBytes, PIECE_VALUE_BYTES_MAX) + heldBytes);
  await reserve(admit, 0);
  const [earlier, later] = isBackwards ? [pair.after, pair.before] : [pair.before, pair.after];
  const keys = found.map(({ key, before, after }) => {
    const [old, young] = isBackwards ? [after, before] : [before, after];
    return { key, last: young, expiresAtMs: old?.expiresAtMs ?? null };
  });
  const changes = await lastChangesOf({ feed, afterSeq: earlier.seq, untilSeq: later.seq, admit, nextTurn }, keys);
  for (let first = 0; first < found.length;) {
    await nextTurn();
    const some = found.slice(first, first + PIECE_KEYS_MAX);
    const piece = withValues ? some.slice(0, countFitting(some.map(valueBytesOf))) : some;
    first += piece.length;
    const [before, after] = withValues ? await loadBoth(pair, piece, admit) : [];
    const texts = piece.map((difference, index) => {
      const last = changes.get(difference.key);
      if (last === undefined) throw new TypeError('Cannot write a difference: each key has a last change');
      const values = withValues ? { before: before?.[index], after: after?.[index] } : undefined;
      return differenceText({ ...difference, last, ...(values && { values }) });
    });
    yield { text: Buffer.from(texts.map((text) => (isLines ? `${text}\n` : `,${text}`)).join('')), isLast: first >= found.length };
  }
}
