/**
 * The command `get`: prints the value of one key, from a server or from the files of a project. Changes nothing.
 */
import { programCommand } from '../base/program-command.js';
import { REGISTRY } from '../offline/registry.js';
import { momentText } from '../offline/replay/moment.js';
import { type KeyReading, readStoredKey } from '../offline/replay/read-stored-key.js';
import { complain } from './command-output.js';
import { entryDocument } from './entry-document.js';
import { parseAt } from './event-range.js';
import { projectOfFiles, splitWords } from './command-words.js';
import { UsageError } from './exit-codes.js';
import { findData } from './find-data.js';
import { optionWords, withOlderHistory } from './older-history.js';
import { formOf } from './online/output-form.js';
import { getRemoteValue, type RemoteGetOptions } from './online/read-keys.js';
import { shownText } from './printable.js';
import { Remote, type RemoteOptions } from './remote.js';
import type { FolderOptions, RunContext } from './run-command.js';
import { folderWords } from './verdict.js';

/** Options of the command line. */
export interface GetCommandOptions extends FolderOptions, RemoteOptions, RemoteGetOptions {
  readonly at?: string;
}

/**
 * Prints a value, token for token, and a line feed; or one JSON document with the change that set it.
 *
 * @param words the project, unless it is named otherwise, and the key
 * @returns false if the key does not exist
 * @throws {UsageError} when the project does not exist
 */
export async function getValue(words: readonly string[], options: GetCommandOptions, context: RunContext): Promise<boolean> {
  const { project: named, words: [key = ''] } = splitWords(words, ['key'], options);
  const form = formOf(options);
  const remote = await Remote.findUnlessFiles(options);
  if (remote !== undefined) {
    const place = await remote.project(named, context.signal);
    return await getRemoteValue({ remote, place, at: parseAt(options) }, key, { ...options, context });
  }
  if (options.meta === true) throw new UsageError('Cannot use --meta on files: use --json, which has the seq and the times');
  return await getStoredValue({ project: projectOfFiles(named), key, isJson: form !== 'text' }, options, context);
}

async function getStoredValue(
  { project, key, isJson }: { readonly project: string; readonly key: string; readonly isJson: boolean },
  options: GetCommandOptions, { output, signal }: RunContext,
): Promise<boolean> {
  if (project === REGISTRY) throw new UsageError(`Cannot read a key of "${REGISTRY}": it has no keys`);
  const at = parseAt(options);
  const { dataFolder, disk } = await findData({ command: 'get', project, words: ['get', project, key] }, options, signal);
  const words = ['get', project, key, ...optionWords(options, ['at', 'json', 'jsonl'])];
  const reading = await readStoredKey({ disk, dataFolder, project, signal }, key, at).catch(async (error: unknown) => {
    throw await withOlderHistory(error, { disk, dataFolder, project, words, wanted: at });
  });
  if (reading?.value !== undefined && reading.isErased !== true) {
    const { value, isErased: _, ...version } = reading;
    const end = options.raw === true && !isJson ? '' : '\n';
    await output.print(`${isJson ? entryDocument({ key, value, ...version }) : shownText(value)}${end}`);
    return true;
  }
  if (reading?.isErased === true) {
    complain(`The value of ${JSON.stringify(key)} at that time, of seq ${reading.seq}, was erased since`);
    return false;
  }
  const history = programCommand(['log', project, '--key', key, ...folderWords(options)]);
  const when = at === undefined ? '' : ` at ${momentText(at)}`;
  complain(`"${project}" has no key ${JSON.stringify(key)}${when}${reading === undefined ? '' : endOf(reading)}. Its history: ${history}`);
  return false;
}

/** How a key came to its end. */
function endOf({ seq, timeMs, expiresAtMs }: KeyReading): string {
  if (expiresAtMs !== null) return `; it expired at ${new Date(expiresAtMs).toISOString()}`;
  return `; seq ${seq} deleted it at ${new Date(timeMs).toISOString()}`;
}
