/** Compares the answers that a run of all tests has seen with those that are documented. */
import { existsSync, readFileSync } from 'node:fs';
import { documentedPairs } from './check-answer.js';
import { NEVER_SEEN } from './never-seen.js';

/** What is wrong, each in one line. */
interface SeenFaults {
  /** Documented answers that no test has seen. The tests of HTTP see each of them in every run. */
  readonly unseen: readonly string[];
  /** Answers that are listed as never seen, and are. A random request may have got one, so this is a hint. */
  readonly listed: readonly string[];
}

/**
 * Compares.
 *
 * @param file What the processes of the run have added to, see `check-answer.ts`
 */
export function seenFaults(file: string): SeenFaults {
  const seen = new Set(existsSync(file) ? readFileSync(file, 'utf8').split('\n') : []);
  return pairFaults(documentedPairs(), seen, NEVER_SEEN.flatMap(({ routes, status }) => routes.map((route) => `${route} ${status}`)));
}

/** Compares pairs of a route and a status. */
export function pairFaults(documented: readonly string[], seen: ReadonlySet<string>, listed: readonly string[]): SeenFaults {
  const unseen = documented.filter((pair) => !seen.has(pair));
  return {
    unseen: unseen.filter((pair) => !listed.includes(pair)).map((pair) => `no test has seen the documented answer ${pair}`),
    listed: listed.filter((pair) => !unseen.includes(pair)).map((pair) => `${pair} in never-seen.ts is seen, or not documented: remove it`),
  };
}
