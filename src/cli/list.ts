/**
 * The command `list`: prints the keys of a project in order, from a server or from its files. Changes nothing.
 */
import { compareUtf8 } from '../base/compare-utf8.js';
import { REGISTRY } from '../offline/registry.js';
import { type ListedKey, listStoredKeys } from '../offline/replay/list-stored-keys.js';
import { noteErased } from './command-output.js';
import { projectOfFiles, splitWords } from './command-words.js';
import { entryDocument } from './entry-document.js';
import { parseAt } from './event-range.js';
import { UsageError } from './exit-codes.js';
import { findData } from './find-data.js';
import { optionWords, withOlderHistory } from './older-history.js';
import { parseCount } from './online/duration.js';
import { type OutputForm, formOf, printTexts } from './online/output-form.js';
import { checkCountOptions, printRemoteKeys, type RemoteListOptions } from './online/read-keys.js';
import { keyField, printPieces } from './print-pieces.js';
import { shownText } from './printable.js';
import { Remote, type RemoteOptions } from './remote.js';
import type { FolderOptions, RunContext } from './run-command.js';
import { withScratchFolder } from './scratch-folder.js';

/** Options of the command line. */
export interface ListCommandOptions extends FolderOptions, RemoteOptions, RemoteListOptions {
  readonly at?: string;
}

/**
 * Prints the keys: one a line, or as one JSON array.
 *
 * @returns true, also if there are none
 * @throws {UsageError} when the project does not exist
 */
export async function printKeys(word: string | undefined, options: ListCommandOptions, context: RunContext): Promise<boolean> {
  const { project: named } = splitWords(word === undefined ? [] : [word], [], options);
  const form = formOf(options);
  const remote = await Remote.findUnlessFiles(options);
  if (remote !== undefined) {
    const place = await remote.project(named, context.signal);
    return await printRemoteKeys({ remote, place, at: parseAt(options) }, { ...options, context });
  }
  return await printStoredKeys({ project: projectOfFiles(named), form }, options, context);
}

async function printStoredKeys(
  { project, form }: { readonly project: string; readonly form: OutputForm }, options: ListCommandOptions, { output, signal }: RunContext,
): Promise<boolean> {
  if (project === REGISTRY) throw new UsageError(`Cannot list keys of "${REGISTRY}": it has no keys`);
  const { prefix = '', start = '', values, count = false, reverse } = options;
  if (reverse === true) throw new UsageError('Cannot list files in reverse: ask a server, or reverse the output with tac');
  if (count) checkCountOptions(options);
  const limit = options.limit === undefined ? Infinity : parseCount(options.limit, '--limit', 1);
  const at = parseAt(options);
  const { dataFolder, disk } = await findData({ command: 'list', project }, options, signal);
  const words = ['list', project, ...optionWords(options, ['at', 'prefix', 'start', 'end', 'limit', 'values', 'count', 'json', 'jsonl'])];
  await withScratchFolder(async (scratchFolder) => {
    const hasValues = !count && (values === true || form !== 'text');
    const found = listStoredKeys({ disk, dataFolder, project, prefix, start, hasValues, at, scratchFolder, onErased: noteErased, signal });
    const groups = within(found, options.end, limit);
    if (count) {
      const total = await countOf(groups);
      return await output.print(form === 'text' ? `${total}\n` : `{"count":${total}}\n`);
    }
    if (form === 'text') await printPieces(linesOf(groups), output);
    else await printTexts(output, form, documentsOf(groups));
  }).catch(async (error: unknown) => {
    throw await withOlderHistory(error, { disk, dataFolder, project, words, wanted: at });
  });
  return true;
}

/** The keys before `end`, and no more than `limit`. */
async function* within(
  groups: AsyncIterable<readonly ListedKey[]>, end: string | undefined, limit: number,
): AsyncGenerator<readonly ListedKey[]> {
  let left = limit;
  for await (const group of groups) {
    const before = end === undefined ? group : group.filter(({ key }) => compareUtf8(key, end) < 0);
    const taken = before.slice(0, left);
    left -= taken.length;
    yield taken;
    if (left <= 0 || before.length < group.length) return;
  }
}

async function countOf(groups: AsyncIterable<readonly ListedKey[]>): Promise<number> {
  let total = 0;
  for await (const group of groups) total += group.length;
  return total;
}

async function* linesOf(groups: AsyncIterable<readonly ListedKey[]>): AsyncGenerator<Buffer> {
  for await (const group of groups) yield Buffer.from(group.map(lineOf).join(''));
}

function lineOf({ key, value }: ListedKey): string {
  return value === undefined ? `${keyField(key)}\n` : `${keyField(key)}\t${shownText(value)}\n`;
}

async function* documentsOf(groups: AsyncIterable<readonly ListedKey[]>): AsyncGenerator<readonly string[]> {
  for await (const group of groups) yield group.map(({ value = 'null', ...rest }) => entryDocument({ ...rest, value }));
}
