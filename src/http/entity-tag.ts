/**
 * Entity tags: a version of a key as `"<seq>-<8 hexadecimal digits of the log's id>"`. The log's part makes sure that a project
 * which was deleted and created again never matches a tag of its former life.
 */
import { invariant } from '../base/invariant.js';

/** A tag as it came. */
export interface EntityTag {
  readonly weak: boolean;
  /** Without the quotes. */
  readonly opaque: string;
}

const LOG_ID_CHARACTERS = 8;
const ENTITY_TAG = /^(W\/)?"([\x21\x23-\x7e\x80-\xff]*)"$/;
const VERSION = /^([1-9][0-9]{0,15})-([0-9a-f]{8})$/;

/**
 * Writes the tag of a version.
 *
 * @param seq the key's version, from 1
 * @returns the text of an `ETag` header
 */
export function formatEntityTag(seq: number, logId: string): string {
  invariant(Number.isSafeInteger(seq) && seq > 0, 'a version is a seq from 1');
  return `"${seq}-${logId.slice(0, LOG_ID_CHARACTERS)}"`;
}

/**
 * Parses one tag.
 *
 * @returns the tag, or undefined for anything but exactly one
 */
export function parseEntityTag(text: string): EntityTag | undefined {
  const match = ENTITY_TAG.exec(text);
  return match === null ? undefined : { weak: match[1] !== undefined, opaque: match[2] ?? '' };
}

/**
 * Reads the version in a tag.
 *
 * @returns the seq, or undefined where the tag is of another log or not one of ours
 */
export function versionOf(tag: EntityTag, logId: string): number | undefined {
  const match = VERSION.exec(tag.opaque);
  if (match === null || match[2] !== logId.slice(0, LOG_ID_CHARACTERS)) return undefined;
  const seq = Number(match[1]);
  return Number.isSafeInteger(seq) ? seq : undefined;
}
