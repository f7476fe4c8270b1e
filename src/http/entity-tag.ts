/**
 * Entity tags: the version of a key as `"<seq>-<8 hexadecimal digits of the log's id>"`. Because of the log id, a recreated project never
 * matches the tags of the deleted one.
 */
import { invariant } from '../base/invariant.js';

/** A parsed tag. */
export interface EntityTag {
  readonly weak: boolean;
  /** Without the quotes. */
  readonly opaque: string;
}

const LOG_ID_CHARACTERS = 8;
const ENTITY_TAG = /^(W\/)?"([\x21\x23-\x7e\x80-\xff]*)"$/;
const VERSION = /^([1-9][0-9]{0,15})-([0-9a-f]{8})$/;

/** Returns the `ETag` of a version. */
export function formatEntityTag(seq: number, logId: string): string {
  invariant(Number.isSafeInteger(seq) && seq > 0, 'a version is a seq of 1 or more');
  return `"${seq}-${logId.slice(0, LOG_ID_CHARACTERS)}"`;
}

/** Parses exactly one tag; undefined for any other text. */
export function parseEntityTag(text: string): EntityTag | undefined {
  const match = ENTITY_TAG.exec(text);
  return match === null ? undefined : { weak: match[1] !== undefined, opaque: match[2] ?? '' };
}

/** Returns the version in a tag, a seq; undefined for a tag of another log or another server. */
export function versionOf(tag: EntityTag, logId: string): number | undefined {
  const match = VERSION.exec(tag.opaque);
  if (match === null || match[2] !== logId.slice(0, LOG_ID_CHARACTERS)) return undefined;
  const seq = Number(match[1]);
  return Number.isSafeInteger(seq) ? seq : undefined;
}
