/**
 * Entity tags: the version of a key as `"<seq>-<tag>"`, where the tag is the first 8 hexadecimal digits of the hash of the line that
 * made it. After a restore, or a power loss that took lines back, the log may go on from an earlier seq with other content: an old tag
 * does not match a new version. Neither does that of a deleted project match one of its successor.
 */
import { HEX_WORD_DIGITS, hexWord, wordOfText } from '../base/hex-word.js';
import { invariant } from '../base/invariant.js';
import type { KeyVersion } from '../events/key-version.js';

/** A parsed tag. */
export interface EntityTag {
  readonly weak: boolean;
  /** Without the quotes. */
  readonly opaque: string;
}

const ENTITY_TAG = /^(W\/)?"([\x21\x23-\x7e\x80-\xff]*)"$/;
const VERSION = /^([1-9][0-9]{0,15})-([0-9a-f]{8})$/;

/** Returns the `ETag` of a version. */
export function formatEntityTag({ seq, tag }: KeyVersion): string {
  invariant(Number.isSafeInteger(seq) && seq > 0, 'a version is a seq of 1 or more');
  return `"${seq}-${hexWord(tag)}"`;
}

/** Returns the `ETag` of the versions that a line made. */
export function entityTagOfLine(seq: number, hash: string): string {
  return `"${seq}-${hash.slice(0, HEX_WORD_DIGITS)}"`;
}

/** Parses exactly one tag; undefined for any other text. */
export function parseEntityTag(text: string): EntityTag | undefined {
  const match = ENTITY_TAG.exec(text);
  return match === null ? undefined : { weak: match[1] !== undefined, opaque: match[2] ?? '' };
}

/** Returns the version in a tag; undefined for a tag of another server. */
export function versionIn({ opaque }: EntityTag): KeyVersion | undefined {
  const [, seqText, tagText = ''] = VERSION.exec(opaque) ?? [];
  const seq = Number(seqText);
  const tag = wordOfText(tagText);
  return Number.isSafeInteger(seq) && tag !== undefined ? { seq, tag } : undefined;
}
