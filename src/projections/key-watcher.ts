/**
 * The contract of what has to know of changes of keys before they happen.
 */
import type { KeyRange } from '../events/key-range.js';

/** Is informed of each change before it is applied. Returns at once and changes nothing. */
export interface KeyWatcher {
  /** A key is about to get another version, or to be deleted. It may not exist yet. */
  beforeChange(key: string): void;
  /** All keys of a range are about to be deleted. */
  beforeClear(range: KeyRange): void;
}
