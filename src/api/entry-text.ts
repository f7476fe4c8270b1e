/**
 * The text of a whole entry, as listings have it and `import` reads it. Pure.
 */
import { isoTime } from '../base/iso-time.js';

/** A key with its version, its time and its value. */
interface EntryParts {
  readonly key: string;
  readonly seq: number;
  /** Milliseconds since 1970. */
  readonly timeMs: number;
  /** When it expires, in milliseconds since 1970; null for never. */
  readonly expiresAtMs: number | null;
  /** JSON text on one line. */
  readonly value: string;
}

/** Writes an entry as a JSON object on one line, with the value token for token. */
export function entryText({ key, seq, timeMs, expiresAtMs, value }: EntryParts): string {
  const expiry = expiryText(expiresAtMs);
  return `{"key":${JSON.stringify(key)},"seq":${seq},"modified_at":"${isoTime(timeMs)}","expires_at":${expiry},"value":${value}}`;
}

/** Writes when an entry expires, as JSON. */
export function expiryText(expiresAtMs: number | null): string {
  return expiresAtMs === null ? 'null' : `"${new Date(expiresAtMs).toISOString()}"`;
}
