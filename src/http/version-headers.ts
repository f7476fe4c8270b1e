/**
 * The headers that name a version of a key.
 */
import type { KeyVersion } from '../events/key-version.js';
import { formatEntityTag } from './entity-tag.js';
import { httpDate } from './http-date.js';

/** A version with its times, in milliseconds since 1970. */
interface TimedVersion extends KeyVersion {
  readonly timeMs: number;
  /** Null for one that does not expire. */
  readonly expiresAtMs: number | null;
}

/** Returns the headers of a version. Names and values alternate. */
export function versionHeaders(version: TimedVersion): string[] {
  const { timeMs, expiresAtMs } = version;
  const headers = ['ETag', formatEntityTag(version), 'Last-Modified', httpDate(timeMs), 'Cache-Control', 'no-cache'];
  if (expiresAtMs !== null) headers.push('SimpleKV-Expires-At', httpDate(expiresAtMs));
  return headers;
}
