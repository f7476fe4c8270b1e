/**
 * Versions of keys, as ETags name them.
 */
import { wordOfText } from '../base/hex-word.js';
import { invariant } from '../base/invariant.js';

/** What tells a version of a key from every other one, also after a restore or a power loss from which the log goes on differently. */
export interface KeyVersion {
  /** Seq of the line that made it, from 1. */
  readonly seq: number;
  /** The first 8 hexadecimal digits of the hash of that line, as a number; see {@link versionTag}. */
  readonly tag: number;
}

/** Returns the tag of the versions that a line makes, from its hash. */
export function versionTag(hash: string): number {
  const tag = wordOfText(hash);
  invariant(tag !== undefined, 'a hash has hexadecimal digits');
  return tag;
}
