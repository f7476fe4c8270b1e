/**
 * The command `export`: prints the entries of a project, one JSON object a line, from its files or from a running server.
 */
import path from 'node:path';
import { entryText } from '../api/entry-text.js';
import { LINES_MEDIA_TYPE } from '../api/media-types.js';
import { countText } from '../base/count-text.js';
import { invariant } from '../base/invariant.js';
import { REGISTRY } from '../offline/registry.js';
import { type ListedKey, listStoredKeys } from '../offline/replay/list-stored-keys.js';
import type { Sink } from './command-output.js';
import { projectOfFiles, splitWords } from './command-words.js';
import { UsageError } from './exit-codes.js';
import { findData } from './find-data.js';
import { type FormOptions, formOf, printObject } from './online/output-form.js';
import { writeOutputFile } from './output-file.js';
import { arrayOfLines, printPieces } from './print-pieces.js';
import { Remote, type RemoteProject, type RemoteOptions } from './remote.js';
import type { FolderOptions, RunContext } from './run-command.js';
import { withScratchFolder } from './scratch-folder.js';

/** Options of the command line. */
export interface ExportCommandOptions extends FolderOptions, RemoteOptions, FormOptions {
  readonly prefix?: string;
  readonly start?: string;
  readonly out?: string;
  readonly dryRun?: boolean;
}

const LINE_FEED = 0x0a;

/** How much was written. */
interface Written {
  keys: number;
  bytes: number;
}

/**
 * Exports the entries of a project, in the order of their keys.
 *
 * @returns true
 * @throws {UsageError} when the project does not exist, or the output would replace something other than a file or be in the data folder
 */
export async function exportProject(named: string | undefined, options: ExportCommandOptions, context: RunContext): Promise<boolean> {
  const { project: given } = splitWords(named === undefined ? [] : [named], [], options);
  if (given === REGISTRY) throw new UsageError(`Cannot export "${REGISTRY}": it has no keys`);
  const { dryRun, out } = options;
  const isArray = formOf(options) === 'json' && out === undefined && dryRun !== true;
  const { output, signal } = context;
  const remote = await Remote.findUnlessFiles(options);
  const place = await remote?.project(given, signal);
  const project = place?.id ?? projectOfFiles(given);
  const written: Written = { keys: 0, bytes: 0 };
  const found = remote === undefined ? await findData({ command: 'export', project }, options, signal) : undefined;
  const print = async (lines: AsyncIterable<Buffer>, sink: Sink): Promise<void> => (
    await printPieces(isArray ? arrayOfLines(lines) : counted(lines, written), sink)
  );
  const write = async (sink: Sink): Promise<void> => {
    if (remote !== undefined && place !== undefined) return await print(fromServer(remote, place, options, signal), sink);
    invariant(found !== undefined, 'entries come from a server or from files');
    const { dataFolder, disk } = found;
    const { prefix = '', start = '' } = options;
    await withScratchFolder(async (scratchFolder) => {
      const groups = listStoredKeys({ disk, dataFolder, project, prefix, start, hasValues: true, scratchFolder, signal });
      await print(linesOf(groups), sink);
    });
  };
  const toNothing: Sink = { isClosed: false, print: () => Promise.resolve() };
  if (dryRun === true) await write(toNothing);
  else if (out === undefined) {
    await write(output);
    return true;
  } else await writeOutputFile(out, found?.dataFolder, write);
  const facts = { project, keys: written.keys, bytes: written.bytes, file: dryRun === true ? null : path.resolve(out ?? '') };
  const where = facts.file === null ? 'would be exported; nothing was written' : `exported to ${facts.file}`;
  await printObject(output, options, {
    object: facts, text: () => `${project}: ${countText(facts.keys, 'key')}, ${facts.bytes} bytes ${where}\n`,
  });
  return true;
}

async function* linesOf(groups: AsyncIterable<readonly ListedKey[]>): AsyncGenerator<Buffer> {
  for await (const group of groups) {
    yield Buffer.from(group.map((entry) => `${entryText({ ...entry, value: entry.value ?? 'null' })}\n`).join(''));
  }
}

function fromServer(
  remote: Remote, { path: where }: RemoteProject, { prefix, start }: ExportCommandOptions, signal: AbortSignal,
): AsyncGenerator<Buffer> {
  const query = new URLSearchParams({ values: 'entries', ...(prefix !== undefined && { prefix }), ...(start !== undefined && { start }) });
  const target = `${where}/keys?${query.toString().replaceAll('+', '%20')}`;
  return remote.stream(target, { accept: LINES_MEDIA_TYPE, signal });
}

async function* counted(pieces: AsyncIterable<Buffer>, written: Written): AsyncGenerator<Buffer> {
  for await (const piece of pieces) {
    written.bytes += piece.length;
    for (let at = piece.indexOf(LINE_FEED); at >= 0; at = piece.indexOf(LINE_FEED, at + 1)) written.keys += 1;
    yield piece;
  }
}
