/**
 * Decides a revert: each key must still be as it was when the revert was computed. Pure.
 */
import { AppError } from '../base/app-error.js';
import type { BatchedChange } from '../events/event.js';
import { hasExpired, setUntil } from '../events/expiry.js';
import type { RevertCommand, RevertedKey } from './command.js';
import type { Decision, DecisionState } from './decide.js';

/** Keys that a refusal names. */
const NAMED_KEYS_MAX = 100;

/** Decides a revert. What it changes is one event, that of the key if there is only one. */
export function decideRevert(state: DecisionState, { keys, redactionSeq = state.redactionSeq }: RevertCommand): Decision {
  if (state.redactionSeq > redactionSeq) return { accepted: false, refusal: refuseErased() };
  const moved = keys.filter((one) => hasMoved(state, one));
  if (moved.length > 0) return { accepted: false, refusal: refuseMoved(moved) };
  const ops = keys.map((one) => changeOf(state, one)).filter((change) => change !== undefined);
  const [first] = ops;
  if (first === undefined) return { accepted: true, event: undefined, count: 0, lastSeq: state.lastSeq };
  return { accepted: true, event: ops.length === 1 ? first : { op: 'batch', ops }, created: false, count: ops.length };
}

/** A key that has expired since has not been changed by anyone. */
function hasMoved(state: DecisionState, { key, seenSeq, seenExpiresAtMs }: RevertedKey): boolean {
  const seq = state.versionOf(key);
  if (seq === seenSeq) return false;
  return !(seq === 0 && hasExpired(seenExpiresAtMs, state.nowMs));
}

function changeOf(state: DecisionState, { key, target }: RevertedKey): BatchedChange | undefined {
  if (target !== undefined && !hasExpired(target.expiresAtMs, state.nowMs)) return setUntil(key, target.value, target.expiresAtMs);
  return state.versionOf(key) > 0 ? { op: 'delete', key } : undefined;
}

/** Computed again, it meets the values that are erased now, or does not need them. */
function refuseErased(): AppError {
  return new AppError('busy', 'Cannot revert: values were erased while it was computed; try again');
}

function refuseMoved(moved: readonly RevertedKey[]): AppError {
  const count = moved.length;
  const keys = moved.slice(0, NAMED_KEYS_MAX).map(({ key }) => key);
  const which = count === 1 ? 'a key that it affects has' : `${count} keys that it affects have`;
  const message = `Cannot revert: ${which} changed meanwhile; look at the difference again, then try again`;
  return new AppError('precondition_failed', message, { facts: { keys, count } });
}
