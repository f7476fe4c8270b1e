/**
 * How often connections are looked at for those that exceed a timeout, by Node and by this server.
 */

/** In milliseconds. */
const CHECK_MS = 1000;
/** Short timeouts, as in tests, are checked at least this often within their time. */
const CHECKS_PER_LIMIT = 4;

/** Returns the interval between two checks of some timeouts, all in milliseconds. */
export function checkIntervalMs(...timeoutsMs: readonly number[]): number {
  return Math.min(CHECK_MS, Math.ceil(Math.min(...timeoutsMs) / CHECKS_PER_LIMIT));
}
