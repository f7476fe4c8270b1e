/**
 * One key and its value as the JSON document of the commands that read keys from files.
 */

import { expiryText } from '../api/entry-text.js';

/** A key, its value and the change that set it. */
interface ShownEntry {
  readonly key: string;
  readonly seq: number;
  /** In milliseconds since 1970. */
  readonly timeMs: number;
  /** When it expires, in milliseconds since 1970; null for never. */
  readonly expiresAtMs: number | null;
  /** The JSON text. */
  readonly value: string;
}

/**
 * The document, with the value token for token.
 *
 * @returns one line, without its end
 */
export function entryDocument({ key, seq, timeMs, expiresAtMs, value }: ShownEntry): string {
  const expiry = expiryText(expiresAtMs);
  return `{"key":${JSON.stringify(key)},"seq":${seq},"time":"${new Date(timeMs).toISOString()}","expires_at":${expiry},"value":${value}}`;
}
