/**
 * The command `export`: prints the entries of a project, one JSON object a line, from its files or from a running server.
 */
import path from 'node:path';
import { entryText } from '../api/entry-text.js';
import { LINES_MEDIA_TYPE } from '../api/specs/keys.js';
import { invariant } from '../base/invariant.js';
import { REGISTRY } from '../offline/registry.js';
import { type ListedKey, listStoredKeys } from '../offline/replay/list-stored-keys.js';
import type { Sink } from './command-output.js';
import { UsageError } from './exit-codes.js';
import { findData } from './find-data.js';
import { writeOutputFile } from './output-file.js';
import { printPieces } from './print-pieces.js';
import { findRemote, type Remote, type RemoteOptions } from './remote.js';
import type { FolderOptions, RunContext } from './run-command.js';
import { withScratchFolder } from './scratch-folder.js';

/** Options of the command line. */
export interface ExportCommandOptions extends FolderOptions, RemoteOptions {
  readonly prefix?: string;
  readonly start?: string;
  readonly out?: string;
  readonly dryRun?: boolean;
  readonly json?: boolean;
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
export async function exportProject(project: string, options: ExportCommandOptions, context: RunContext): Promise<boolean> {
  if (project === REGISTRY) throw new UsageError(`Cannot export "${REGISTRY}": it has no keys`);
  const { dryRun, json, out } = options;
  const { output, signal } = context;
  const remote = await findRemote(options);
  const written: Written = { keys: 0, bytes: 0 };
  const found = remote === undefined ? await findData({ command: 'export', project }, options, signal) : undefined;
  const write = async (sink: Sink): Promise<void> => {
    if (remote !== undefined) return await printPieces(counted(fromServer(remote, project, options, signal), written), sink);
    invariant(found !== undefined, 'entries come from a server or from files');
    const { dataFolder, disk } = found;
    const { prefix = '', start = '' } = options;
    await withScratchFolder(async (scratchFolder) => {
      const groups = listStoredKeys({ disk, dataFolder, project, prefix, start, hasValues: true, scratchFolder, signal });
      await printPieces(counted(linesOf(groups), written), sink);
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
  await output.print(json === true ? `${JSON.stringify(facts)}\n` : `${project}: ${facts.keys} keys, ${facts.bytes} bytes ${where}\n`);
  return true;
}

async function* linesOf(groups: AsyncIterable<readonly ListedKey[]>): AsyncGenerator<Buffer> {
  for await (const group of groups) {
    yield Buffer.from(group.map((entry) => `${entryText({ ...entry, value: entry.value ?? 'null' })}\n`).join(''));
  }
}

async function* fromServer(
  remote: Remote, project: string, { prefix, start }: ExportCommandOptions, signal: AbortSignal,
): AsyncGenerator<Buffer> {
  const query = new URLSearchParams({ values: 'entries', ...(prefix !== undefined && { prefix }), ...(start !== undefined && { start }) });
  const target = `/api/v1/projects/${encodeURIComponent(project)}/keys?${query.toString().replaceAll('+', '%20')}`;
  const { body } = await remote.send(target, { accept: LINES_MEDIA_TYPE, signal });
  const reader = body?.getReader();
  while (reader !== undefined) {
    const { done, value } = await remote.during(signal, () => reader.read());
    if (done) return;
    yield Buffer.from(value.buffer, value.byteOffset, value.byteLength);
  }
}

async function* counted(pieces: AsyncIterable<Buffer>, written: Written): AsyncGenerator<Buffer> {
  for await (const piece of pieces) {
    written.bytes += piece.length;
    for (let at = piece.indexOf(LINE_FEED); at >= 0; at = piece.indexOf(LINE_FEED, at + 1)) written.keys += 1;
    yield piece;
  }
}
