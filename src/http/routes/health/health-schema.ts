/**
 * The query of the readiness probe: `verbose`, the one parameter that is given without a value.
 */
import { AppError } from '../../../base/app-error.js';
import { refuseQuery, type QueryEntry } from '../../query.js';

const VERBOSE = 'verbose';

/**
 * Reads the query of a readiness probe.
 *
 * @param entries the target's
 * @returns true for `?verbose`
 * @throws {AppError} `invalid_query` for anything else
 */
export function readVerbose(entries: readonly QueryEntry[]): boolean {
  refuseQuery(entries.filter((entry) => entry.name !== VERBOSE));
  const [entry] = entries;
  if (entry === undefined) return false;
  if (entry.value === null) return true;
  throw new AppError('invalid_query', 'Cannot use the query: the parameter "verbose" takes no value', { facts: { parameter: VERBOSE } });
}
