/**
 * The options that select lines of a log: the range, and the operation.
 */
import { operationsOf } from '../offline/replay/line-filter.js';
import { type Moment, momentText } from '../offline/replay/moment.js';
import { complain } from './command-output.js';
import { UsageError } from './exit-codes.js';
import { dependsOnMachine, parseMoment } from './parse-moment.js';

/** The part of a log to read; undefined: from its beginning, to its end. */
export interface EventRange {
  readonly fromSeq: number | undefined;
  /** From the first line of this time or later, in milliseconds since 1970. At most one of the two is set. */
  readonly fromMs: number | undefined;
  readonly until: Moment | undefined;
}

/**
 * Parses a range. Prints how a local time, a day or an age was understood.
 *
 * @param verb what the command does, such as `replay`
 * @throws {UsageError} when an option cannot be parsed, or the range is empty
 */
export function parseRange(verb: string, options: { readonly from?: string; readonly until?: string }): EventRange {
  const nowMs = Date.now();
  const until = momentOf(options.until, nowMs);
  const from = momentOf(options.from, nowMs, 'no line can be that late');
  const [fromSeq, fromMs] = from === undefined || 'seq' in from ? [from?.seq, undefined] : [undefined, from.timeMs];
  const isEmpty = until !== undefined && ('seq' in until ? until.seq < (fromSeq ?? 0) : until.timeMs < (fromMs ?? 0));
  if (isEmpty) throw new UsageError(`Cannot ${verb} from ${momentText(from)} until ${momentText(until)}: the range is empty`);
  return { fromSeq, fromMs, until };
}

/**
 * Parses the option `--at`. Prints how a local time, a day or an age was understood.
 *
 * @throws {UsageError} when it cannot be parsed
 */
export function parseAt({ at }: { readonly at?: string }): Moment | undefined {
  return momentOf(at, Date.now(), 'omit --at for the newest state');
}

/**
 * Parses a point in a log. Prints how a local time, a day or an age was understood.
 *
 * @throws {UsageError} when it is none, or is in the future
 */
export function parsePoint(text: string, advice?: string): Moment {
  return pointOf(text, Date.now(), advice);
}

/** Returns a moment as the client takes it: a seq, or a time. */
export function positionOf(moment: Moment): number | Date {
  return 'seq' in moment ? moment.seq : new Date(moment.timeMs);
}

function momentOf(text: string | undefined, nowMs: number, advice?: string): Moment | undefined {
  return text === undefined ? undefined : pointOf(text, nowMs, advice);
}

function pointOf(text: string, nowMs: number, advice?: string): Moment {
  const moment = parseMoment(text, nowMs, advice);
  if ('timeMs' in moment && dependsOnMachine(text)) complain(`"${text}" means ${new Date(moment.timeMs).toISOString()}`);
  return moment;
}

/**
 * Refuses an operation that the lines of a log cannot have.
 *
 * @param project the project's id, or `_server`; undefined: not known yet
 * @throws {UsageError} with the operations that they can have
 */
export function checkOperation(project: string | undefined, op: string | undefined): void {
  const operations = operationsOf(project ?? '');
  if (op === undefined || operations.includes(op)) return;
  const owner = project === undefined ? 'a project' : `"${project}"`;
  throw new UsageError(`Cannot select lines with the operation "${op}": lines of ${owner} have one of ${operations.join(', ')}`);
}
