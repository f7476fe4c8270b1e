/**
 * The command `list`: prints the keys of a project from its files, in order. Changes nothing.
 */
import { REGISTRY } from '../offline/registry.js';
import { type ListedKey, listStoredKeys } from '../offline/replay/list-stored-keys.js';
import { entryDocument } from './entry-document.js';
import { UsageError } from './exit-codes.js';
import { findData } from './find-data.js';
import { printPieces } from './print-pieces.js';
import type { FolderOptions, RunContext } from './run-command.js';
import { withScratchFolder } from './scratch-folder.js';

/** Options of the command line. */
export interface ListCommandOptions extends FolderOptions {
  readonly prefix?: string;
  readonly values?: boolean;
  readonly json?: boolean;
}

/** No server accepts such a key; in a log from elsewhere it would break the lines of the output. */
const CONTROL_CHARACTER = /\p{Cc}/u;

/**
 * Prints the keys: one a line, or as one JSON array.
 *
 * @returns true, also if there are none
 * @throws {UsageError} when the project does not exist
 */
export async function printKeys(project: string, options: ListCommandOptions, { output, signal }: RunContext): Promise<boolean> {
  if (project === REGISTRY) throw new UsageError(`Cannot list keys of "${REGISTRY}": it has no keys`);
  const { prefix = '', values, json } = options;
  const { dataFolder, disk } = await findData({ command: 'list', project }, options, signal);
  await withScratchFolder(async (scratchFolder) => {
    const hasValues = values === true || json === true;
    const groups = listStoredKeys({ disk, dataFolder, project, prefix, hasValues, scratchFolder, signal });
    await printPieces(json === true ? arrayOf(groups) : linesOf(groups), output);
  });
  return true;
}

async function* linesOf(groups: AsyncIterable<readonly ListedKey[]>): AsyncGenerator<Buffer> {
  for await (const group of groups) yield Buffer.from(group.map(lineOf).join(''));
}

/** A tab ends the key, since no key has one. */
function lineOf({ key, value }: ListedKey): string {
  const name = CONTROL_CHARACTER.test(key) ? JSON.stringify(key) : key;
  return value === undefined ? `${name}\n` : `${name}\t${value}\n`;
}

async function* arrayOf(groups: AsyncIterable<readonly ListedKey[]>): AsyncGenerator<Buffer> {
  let separator = '[';
  for await (const group of groups) {
    const texts = group.map(({ value = 'null', ...rest }) => entryDocument({ ...rest, value }));
    yield Buffer.from(`${separator}\n${texts.join(',\n')}`);
    separator = ',';
  }
  yield Buffer.from(separator === '[' ? '[]\n' : '\n]\n');
}
