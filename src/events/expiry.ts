/**
 * When keys expire: the one rule of it, and the event of a value that may.
 */
import type { KeySet, KeySetUntil, KeyTouched } from './event.js';

/**
 * Tells whether a key does not exist any more. Both times are in milliseconds since 1970.
 *
 * @param expiresAtMs null for never
 */
export function hasExpired(expiresAtMs: number | null, nowMs: number): boolean {
  return expiresAtMs !== null && expiresAtMs <= nowMs;
}

/**
 * Returns the event that gives a key a value.
 *
 * @param expiresAtMs in milliseconds since 1970; null for never
 */
export function setUntil(key: string, value: string, expiresAtMs: number | null): KeySet | KeySetUntil {
  if (expiresAtMs === null) return { op: 'set', key, value };
  return { op: 'set.until', expires_at: new Date(expiresAtMs).toISOString(), key, value };
}

/** Returns the event that sets when an existing value expires; times as of {@link setUntil}. */
export function touchUntil(key: string, expiresAtMs: number | null): KeyTouched {
  return { op: 'touch', expires_at: expiresAtMs === null ? null : new Date(expiresAtMs).toISOString(), key };
}
