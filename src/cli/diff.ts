/**
 * The command `diff`: prints the keys that two states of a project differ in, from a server or from its files. Changes nothing.
 */
import { differenceText } from '../api/diff-text.js';
import { REGISTRY } from '../offline/registry.js';
import { diffStoredStates, ReversedRangeError, type StoredDifference } from '../offline/replay/diff-states.js';
import { noteErased } from './command-output.js';
import { projectOfFiles, splitWords } from './command-words.js';
import { parsePoint } from './event-range.js';
import { UsageError } from './exit-codes.js';
import { findData } from './find-data.js';
import { optionWords, withOlderHistory } from './older-history.js';
import { type FormOptions, formOf, printTexts } from './online/output-form.js';
import { differenceLine, printRemoteDiff } from './online/states.js';
import { printPieces } from './print-pieces.js';
import { Remote, type RemoteOptions } from './remote.js';
import type { FolderOptions, RunContext } from './run-command.js';
import { withScratchFolder } from './scratch-folder.js';

/** Options of the command line. */
export interface DiffCommandOptions extends FolderOptions, RemoteOptions, FormOptions {
  readonly from: string;
  readonly to?: string;
  readonly prefix?: string;
  readonly values?: boolean;
}

/** The empty state before the first line. */
const BEGINNING = '0';

/**
 * Prints the differences: one key a line, or as one JSON array.
 *
 * @returns true, also if there are none
 * @throws {UsageError} when the project does not exist, or the range is empty
 */
export async function printDiff(word: string | undefined, options: DiffCommandOptions, context: RunContext): Promise<boolean> {
  const { project: named } = splitWords(word === undefined ? [] : [word], [], options);
  const { output, signal } = context;
  const { prefix = '', values = false } = options;
  const form = formOf(options);
  const from = options.from === BEGINNING ? undefined : parsePoint(options.from);
  const to = options.to === undefined ? undefined : parsePoint(options.to, 'omit --to for the newest state');
  const remote = await Remote.findUnlessFiles(options);
  if (remote !== undefined) {
    return await printRemoteDiff(remote, await remote.project(named, signal), { from, to, prefix, values }, { ...options, context });
  }
  const project = projectOfFiles(named);
  if (project === REGISTRY) throw new UsageError(`Cannot compare states of "${REGISTRY}": it has no keys`);
  const { dataFolder, disk } = await findData({ command: 'diff', project }, options, signal);
  const words = ['diff', project, ...optionWords(options, ['from', 'to', 'prefix', 'values', 'json', 'jsonl'])];
  try {
    await withScratchFolder(async (scratchFolder) => {
      const onErased = values ? noteErased : undefined;
      const groups = diffStoredStates({ disk, dataFolder, project, from, to, prefix, scratchFolder, onErased, signal });
      if (form === 'text') await printPieces(linesOf(groups, values), output);
      else await printTexts(output, form, documentsOf(groups, values));
    });
  } catch (error) {
    if (error instanceof ReversedRangeError) throw new UsageError(`Cannot compare: ${error.message}`);
    throw await withOlderHistory(error, { disk, dataFolder, project, words, wanted: from });
  }
  return true;
}

type Groups = AsyncIterable<readonly StoredDifference[]>;

async function* linesOf(groups: Groups, withValues: boolean): AsyncGenerator<Buffer> {
  for await (const group of groups) for (const difference of group) yield Buffer.from(`${lineOf(difference, withValues)}\n`);
}

function lineOf({ key, before, after, last: { seq, timeMs, op, actor, request } }: StoredDifference, withValues: boolean): string {
  const change = before === undefined ? 'added' : after === undefined ? 'removed' : 'changed';
  const time = timeMs === null ? null : new Date(timeMs).toISOString();
  const values = withValues ? [before?.value ?? '', after?.value ?? ''] : [];
  return differenceLine({ key, change, seq, time, op, actor, request }, values);
}

async function* documentsOf(groups: Groups, withValues: boolean): AsyncGenerator<readonly string[]> {
  for await (const group of groups) {
    for (const difference of group) {
      const values = { before: difference.before?.value, after: difference.after?.value };
      yield [differenceText({ ...difference, ...(withValues && { values }) })];
    }
  }
}
