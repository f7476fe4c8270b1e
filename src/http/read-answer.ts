/**
 * The text of the answer to a read of many keys, piece by piece.
 */
import { expiryText } from '../api/entry-text.js';
import type { KeyVersion } from '../events/key-version.js';
import { formatEntityTag } from './entity-tag.js';
import type { TextPiece } from './listing-text.js';

/** The text of an entry besides key and value, at most, in bytes. */
const ENTRY_BYTES = 128;
/** Bytes of a UTF-16 unit of a key in the answer, at most. */
const UNIT_BYTES_MAX = 3;

/** Returns the size of an answer without its values, at most, in bytes. */
export function textBytesOf(keys: readonly string[]): number {
  return keys.reduce((sum, key) => sum + key.length * UNIT_BYTES_MAX + ENTRY_BYTES, 0);
}

/** A version, and when it expires, in milliseconds since 1970; null for never. */
interface ReadVersion extends KeyVersion {
  readonly expiresAtMs: number | null;
}

/**
 * Writes an entry.
 *
 * @param version undefined: the key does not exist
 * @param value undefined: it was not asked for
 */
export function entryOfRead(key: string, version: ReadVersion | undefined, value?: string): string {
  const name = JSON.stringify(key);
  if (version === undefined) return `{"key":${name},"seq":0}`;
  const tag = JSON.stringify(formatEntityTag(version));
  const start = `{"key":${name},"seq":${version.seq},"etag":${tag},"expires_at":${expiryText(version.expiresAtMs)}`;
  return value === undefined ? `${start}}` : `${start},"value":${value}}`;
}

/** Joins entries to a piece of the answer. */
export function pieceOfRead(
  seq: number, texts: readonly string[], { isFirst, isLast }: { readonly isFirst: boolean; readonly isLast: boolean },
): TextPiece {
  return { text: Buffer.from(`${isFirst ? `{"seq":${seq},"entries":[` : ','}${texts.join(',')}${isLast ? ']}' : ''}`), isLast };
}
