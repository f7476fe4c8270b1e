/**
 * Computes what a revert changes, from the state that it starts from and the one that it goes back to. Refuses what no line can hold
 * before that much is loaded.
 */
import { AppError } from '../base/app-error.js';
import { hasExpired } from '../events/expiry.js';
import { LINE_BYTES_MAX } from '../log/log.js';
import type { RevertedKey } from './command.js';
import { loadBoth, type PastDifference, type StatePair } from './past-diff.js';
import { countFitting } from './past-reads.js';
import { type Admission, reserve } from './project-reads.js';

/** The text of a change in a batch besides key and value, in bytes: `{"op":"delete","key":""},`. */
const DELETE_BYTES = 25;
/** The same of `{"op":"set","key":"","value":},`. */
const SET_BYTES = 31;
/** More for `set.until`: `.until` and `"expires_at":"2026-11-22T10:00:00.000Z",`. */
const UNTIL_BYTES = 46;
/** Keys whose values are loaded together. */
const PIECE_KEYS = 1000;
/** Memory for a change besides key and value, in bytes. */
const HELD_BYTES = 256;

/** What a revert has to change. */
export interface RevertPlan {
  /** From the state that it starts from to the other one, in the order of the keys. */
  readonly differences: readonly PastDifference[];
  /** The size of the values that it sets, in bytes, at least. */
  readonly valueBytes: number;
}

/**
 * Gathers the differences. A key whose expiry has passed is one that is not there.
 *
 * @param groups from the state that the revert starts from to the one that it goes back to
 * @param nowMs milliseconds since 1970
 * @param admit reserves memory for them
 * @throws {AppError} `line_too_large`
 */
export async function planRevert(
  groups: AsyncIterable<readonly PastDifference[]>, nowMs: number, admit: Admission,
): Promise<RevertPlan> {
  const differences: PastDifference[] = [];
  let lineBytes = 0;
  let valueBytes = 0;
  for await (const group of groups) {
    for (const found of group) {
      const { key, before } = found;
      const after = hasExpired(found.after?.expiresAtMs ?? null, nowMs) ? undefined : found.after;
      if (before === undefined && after === undefined) continue;
      differences.push({ key, before, after });
      valueBytes += after?.sizeBytes ?? 0;
      lineBytes += changeBytes(key, after);
    }
    if (lineBytes > LINE_BYTES_MAX) throw tooLarge(lineBytes);
    const heldBytes = lineBytes + differences.length * HELD_BYTES;
    await reserve(admit, heldBytes);
  }
  return { differences, valueBytes };
}

/** At least: a key may need escapes. */
function changeBytes(key: string, after: PastDifference['after']): number {
  const rest = after === undefined ? DELETE_BYTES : SET_BYTES + (after.expiresAtMs === null ? 0 : UNTIL_BYTES);
  return rest + Buffer.byteLength(key) + (after?.sizeBytes ?? 0);
}

/**
 * Loads the values that a revert sets.
 *
 * @param nextTurn awaited before each piece
 * @throws {AppError} as `PastState.load`
 */
export async function loadTargets(
  pair: StatePair, { differences }: RevertPlan, nextTurn: () => Promise<void>,
): Promise<readonly RevertedKey[]> {
  const keys: RevertedKey[] = [];
  // Memory for all of them was reserved with the plan.
  const admit: Admission = () => undefined;
  for (let first = 0; first < differences.length;) {
    await nextTurn();
    const rest = differences.slice(first, first + PIECE_KEYS);
    const piece = rest.slice(0, countFitting(rest.map(({ after }) => after?.sizeBytes ?? 0)));
    first += piece.length;
    const targets = piece.map(({ key, after }) => ({ key, before: undefined, after }));
    const [, values] = await loadBoth(pair, targets, admit);
    for (const [index, { key, before, after }] of piece.entries()) {
      const value = values[index];
      const target = after === undefined || value === undefined ? undefined : { value, expiresAtMs: after.expiresAtMs };
      keys.push({ key, seenSeq: before?.seq ?? 0, seenExpiresAtMs: before?.expiresAtMs ?? null, target });
    }
  }
  return keys;
}

function tooLarge(bytes: number): AppError {
  const message = `Cannot revert in one line of the log: it would have ${bytes} bytes or more, and the limit is ${LINE_BYTES_MAX}; ` +
    'revert fewer keys at a time, by prefix or by name';
  return new AppError('line_too_large', message, { facts: { limit: LINE_BYTES_MAX, actual: bytes } });
}
