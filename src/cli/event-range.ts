/**
 * The options that select lines of a log: the range, and the operation.
 */
import { operationsOf } from '../offline/replay/line-filter.js';
import type { Moment } from '../offline/replay/moment.js';
import { complain } from './command-output.js';
import { UsageError } from './exit-codes.js';
import { dependsOnMachine, parseMoment, parseSeq } from './parse-moment.js';

/** The part of a log to read; undefined: from its beginning, to its end. */
export interface EventRange {
  readonly fromSeq: number | undefined;
  readonly until: Moment | undefined;
}

/**
 * Parses a range. Prints how a local time, a day or an age was understood.
 *
 * @param verb what the command does, such as `replay`
 * @throws {UsageError} when an option cannot be parsed, or the range is empty
 */
export function parseRange(verb: string, options: { readonly from?: string; readonly until?: string }): EventRange {
  const until = options.until === undefined ? undefined : parseMoment(options.until, Date.now());
  if (options.until !== undefined && until !== undefined && 'timeMs' in until && dependsOnMachine(options.until)) {
    complain(`"${options.until}" means ${new Date(until.timeMs).toISOString()}`);
  }
  const fromSeq = options.from === undefined ? undefined : parseSeq(options.from);
  if (options.from !== undefined && fromSeq === undefined) throw new UsageError(`Cannot ${verb} from "${options.from}": expected a seq`);
  if (fromSeq !== undefined && until !== undefined && 'seq' in until && until.seq < fromSeq) {
    throw new UsageError(`Cannot ${verb} from seq ${fromSeq} until seq ${until.seq}: the range is empty`);
  }
  return { fromSeq, until };
}

/**
 * Refuses an operation that the lines of a log cannot have.
 *
 * @param project the project's id, or `_server`
 * @throws {UsageError} with the operations that they can have
 */
export function checkOperation(project: string, op: string | undefined): void {
  const operations = operationsOf(project);
  if (op === undefined || operations.includes(op)) return;
  throw new UsageError(`Cannot select lines with the operation "${op}": lines of "${project}" have one of ${operations.join(', ')}`);
}
