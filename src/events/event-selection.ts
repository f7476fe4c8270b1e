/**
 * Which events concern given keys: what the history of a key is, for every reader.
 */
import { type AnyEvent, type KeyChanged, keyChangesOf, rangeOf } from './event.js';
import { erasedVersions } from './redaction.js';
import { isInRange, mayHavePrefix } from './key-range.js';

/** Conditions that an event must meet, all of them. */
export interface EventSelection {
  /** Events that change this key, delete the keys of a range that it is in, or erase its values. */
  readonly key?: string | undefined;
  /** Events that change a key with this prefix, or delete the keys of a range that such a key may be in. */
  readonly prefix?: string | undefined;
  /** Events with this operation, or a batch that has it. */
  readonly op?: string | undefined;
}

/** Tells whether an event is selected. */
export function isSelected(event: AnyEvent, selection: EventSelection): boolean {
  const { key, prefix, op } = selection;
  const isOperation = op === undefined || op === event.op;
  if (key === undefined && prefix === undefined && isOperation) return true;
  if (event.op === 'clear') return isOperation;
  if (event.op === 'redact') return isOperation && erasedVersions(event).some((erased) => isOfKeys(erased.key, selection));
  if (event.op === 'clear.range') {
    const range = rangeOf(event);
    return isOperation && (key === undefined ? mayHavePrefix(range, prefix ?? '') : key.startsWith(prefix ?? '') && isInRange(key, range));
  }
  return selectedChanges(event, selection).length > 0;
}

function isOfKeys(changed: string, { key, prefix = '' }: EventSelection): boolean {
  return (key === undefined || key === changed) && changed.startsWith(prefix);
}

/** Returns the selected changes of single keys in an event, in their order. */
export function selectedChanges(event: AnyEvent, selection: EventSelection): readonly KeyChanged[] {
  const { op } = selection;
  const isAnyOperation = op === undefined || op === event.op;
  return keyChangesOf(event).filter((change) => (isAnyOperation || op === change.op) && isOfKeys(change.key, selection));
}
