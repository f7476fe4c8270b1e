/**
 * The command `get`: prints the value of one key from the files of a project. Changes nothing.
 */
import { programCommand } from '../base/program-command.js';
import { REGISTRY } from '../offline/registry.js';
import { readStoredKey } from '../offline/replay/read-stored-key.js';
import { complain } from './command-output.js';
import { entryDocument } from './entry-document.js';
import { UsageError } from './exit-codes.js';
import { findData } from './find-data.js';
import type { FolderOptions, RunContext } from './run-command.js';
import { folderWords } from './verdict.js';

/** Options of the command line. */
export interface GetCommandOptions extends FolderOptions {
  readonly json?: boolean;
}

/** What the command is asked for. */
interface GetQuery {
  readonly project: string;
  readonly key: string;
}

/**
 * Prints a value, token for token, and a line feed; or one JSON document with the change that set it.
 *
 * @returns false if the key does not exist
 * @throws {UsageError} when the project does not exist
 */
export async function getValue({ project, key }: GetQuery, options: GetCommandOptions, { output, signal }: RunContext): Promise<boolean> {
  if (project === REGISTRY) throw new UsageError(`Cannot read a key of "${REGISTRY}": it has no keys`);
  const { dataFolder, disk } = await findData({ command: 'get', project, words: ['get', project, key] }, options, signal);
  const reading = await readStoredKey({ disk, dataFolder, project, signal }, key);
  if (reading?.value !== undefined) {
    const { value, seq, timeMs } = reading;
    await output.print(`${options.json === true ? entryDocument({ key, seq, timeMs, value }) : value}\n`);
    return true;
  }
  const deleted = reading && `; seq ${reading.seq} deleted it at ${new Date(reading.timeMs).toISOString()}`;
  const history = programCommand(['log', project, '--key', key, ...folderWords(options)]);
  complain(`"${project}" has no key ${JSON.stringify(key)}${deleted ?? ''}. Its history: ${history}`);
  return false;
}
