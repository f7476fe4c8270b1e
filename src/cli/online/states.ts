/**
 * `diff` as a question to a server, and the commands `revert` and `checkpoint`: earlier states of a project, and its newest line.
 */
import { LINES_MEDIA_TYPE } from '../../api/media-types.js';
import { countText } from '../../base/count-text.js';
import type { ErrorCode } from '../../base/error-codes.js';
import { jsonOf } from '../../client/http.js';
import { memberTexts } from '../../client/json-texts.js';
import { type Moment, momentText } from '../../offline/replay/moment.js';
import { complain } from '../command-output.js';
import { parsePoint, positionOf } from '../event-range.js';
import { UsageError } from '../exit-codes.js';
import { linesOf } from '../lines-of.js';
import { keyField, printPieces, textsIn } from '../print-pieces.js';
import { shownText } from '../printable.js';
import { RemoteError } from '../remote-error.js';
import { Remote, type RemoteProject, type RemoteOptions } from '../remote.js';
import type { RunContext } from '../run-command.js';
import { confirm } from './confirm.js';
import { parseCount } from './duration.js';
import { type FormOptions, formOf, printObject, printTexts } from './output-form.js';

/** What is compared. Undefined: the empty state, or the newest. */
interface DiffQuestion {
  readonly from: Moment | undefined;
  readonly to: Moment | undefined;
  readonly prefix: string;
  readonly values: boolean;
}

/** Options of `revert`. */
export interface RevertCommandOptions extends RemoteOptions, FormOptions {
  readonly to: string;
  readonly prefix?: string;
  readonly key?: readonly string[];
  readonly ifSeq?: string;
  readonly dryRun?: boolean;
  readonly yes?: boolean;
}

/** A difference, but for its values. */
interface DifferenceJson {
  readonly key: string;
  readonly change: 'added' | 'changed' | 'removed';
  readonly seq: number | null;
  readonly time: string | null;
  readonly op: string | null;
  readonly actor: string | null;
  readonly request: string | null;
}

const SIGNS = { added: '+', changed: '~', removed: '-' } as const;
const BEGINNING = '0';
const UNFIT_BODY = 'invalid_body' satisfies ErrorCode;

/**
 * Prints the differences between two states: one key a line, or as JSON.
 *
 * @returns true, also if there are none
 * @throws {RemoteError} when the server refuses
 */
export async function printRemoteDiff(
  remote: Remote, { path }: RemoteProject, { from, to, prefix, values }: DiffQuestion, { context, ...form }: FormOptions & {
    readonly context: RunContext;
  },
): Promise<boolean> {
  const { output, signal } = context;
  const query = new URLSearchParams({
    from: momentParameter(from), ...(to !== undefined && { to: momentParameter(to) }), ...(prefix !== '' && { prefix }),
    ...(values && { values: 'true' }),
  });
  const pieces = remote.stream(`${path}/diff?${query.toString().replaceAll('+', '%20')}`, { accept: LINES_MEDIA_TYPE, signal });
  const kind = formOf(form);
  if (kind === 'text') await printPieces(textsOf(linesOf(pieces), values), output);
  else await printTexts(output, kind, textsIn(pieces));
  return true;
}

function momentParameter(moment: Moment | undefined): string {
  const position = moment && positionOf(moment);
  return position instanceof Date ? position.toISOString() : String(position ?? BEGINNING);
}

async function* textsOf(lines: AsyncIterable<Buffer>, withValues: boolean): AsyncGenerator<Buffer> {
  for await (const line of lines) yield Buffer.from(`${lineOf(line.toString(), withValues)}\n`);
}

/** The fields that `diff` prints of files. */
function lineOf(text: string, withValues: boolean): string {
  const members = memberTexts(text);
  const values = withValues ? ['before', 'after'].map((side) => valueIn(members.get(side))) : [];
  return differenceLine(JSON.parse(text) as DifferenceJson, values);
}

/**
 * Writes a difference as one line. A tab ends each field, since none of them has one.
 *
 * @param values those before and after, if they are wanted; empty for none
 */
export function differenceLine({ key, change, seq, time, op, actor, request }: DifferenceJson, values: readonly string[]): string {
  const fields = [seq, time, op, actor, request].map((field) => (field === null || field === '' ? '-' : `${field}`));
  return [SIGNS[change], keyField(key), ...fields, ...values.map((value) => shownText(value))].join('\t');
}

function valueIn(version: string | undefined): string {
  return version === undefined || version === 'null' ? '' : memberTexts(version).get('value') ?? '';
}

interface RevertJson {
  readonly to?: number;
  readonly seq: number;
  readonly reverted: number;
  readonly hash?: string;
  readonly changes?: readonly DifferenceJson[];
}

/**
 * Brings back the values of a moment.
 *
 * @returns false if a person did not confirm it
 * @throws {UsageError} when it has to be confirmed
 * @throws {RemoteError} when the server refuses, or a key was changed meanwhile: then nothing was changed
 */
export async function revert(options: RevertCommandOptions, context: RunContext): Promise<boolean> {
  const { prefix, key: keys, dryRun = false, yes } = options;
  if (prefix !== undefined && keys !== undefined) throw new UsageError('Use either --prefix or --key');
  const moment = parsePoint(options.to, 'a project can be brought back to a moment that has passed');
  const { signal, output } = context;
  const remote = await Remote.need('bring back a state', options);
  const { id, path } = await remote.project(options.project, signal);
  const send = async (more: object): Promise<{ readonly text: string; readonly answer: RevertJson }> => {
    // As JSON, a time is the text that a server reads.
    const body = JSON.stringify({ to: positionOf(moment), prefix, keys, ...more });
    const answer = await remote.change(`${path}/revert`, { body, signal }).catch((error: unknown) => {
      // The command line made the body.
      const isUsage = error instanceof RemoteError && error.code === UNFIT_BODY;
      throw isUsage ? new UsageError(error.message, { cause: error }) : error;
    });
    return { text: answer.text, answer: jsonOf<RevertJson>(answer) };
  };
  let ifSeq = options.ifSeq === undefined ? undefined : parseCount(options.ifSeq, '--if-seq');
  if (dryRun || yes !== true) {
    const { text, answer } = await send({ dry_run: true, if_seq: ifSeq });
    const { changes = [], reverted, seq } = answer;
    if (dryRun) {
      await output.print(formOf(options) === 'text' ? `${changes.map((change) => `${previewOf(change)}\n`).join('')}${
        countText(reverted, 'key')} would be brought back; nothing was changed\n` : `${text.trimEnd()}\n`);
      return true;
    }
    if (reverted > 0) {
      const question = `Bring ${countText(reverted, 'key')} of "${id}" on ${remote.origin} back to ${momentText(moment)}?`;
      if (!(await confirm({ question, yes, signal }))) {
        complain('nothing was changed');
        return false;
      }
    }
    // What was confirmed is brought back, or nothing.
    ifSeq ??= seq;
  }
  const { answer } = await send({ if_seq: ifSeq });
  await printObject(output, options, {
    object: answer,
    text: () => (answer.hash === undefined ? 'nothing to bring back; nothing was changed\n'
      : `${countText(answer.reverted, 'key')} brought back, seq ${answer.seq}, receipt ${answer.hash}\n`),
  });
  return true;
}

/** What a revert would do to a key: the differences of its answer begin with what is there now. */
function previewOf({ key, change }: DifferenceJson): string {
  return `${SIGNS[change]}\t${keyField(key)}`;
}

/**
 * Prints the newest line of a project as a checkpoint: one line of JSON, as `verify --checkpoint` reads it.
 *
 * @returns true
 * @throws {RemoteError} when the server refuses
 */
export async function printCheckpoint(options: RemoteOptions, { output, signal }: RunContext): Promise<boolean> {
  const remote = await Remote.need('get a checkpoint', options);
  const { kv } = await remote.project(options.project, signal);
  const checkpoint = await remote.asking(signal, () => kv.checkpoint({ signal }));
  await output.print(`${JSON.stringify(checkpoint)}\n`);
  return true;
}
