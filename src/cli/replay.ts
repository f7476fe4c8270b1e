/**
 * The command `replay`: prints the state of a project at any point of its log, or the lines of the log. Changes nothing.
 */
import { createReadStream } from 'node:fs';
import type { Disk } from '../disk/disk.js';
import { REGISTRY } from '../offline/registry.js';
import { momentText } from '../offline/replay/moment.js';
import { keysOfState, type ListedKey } from '../offline/replay/list-stored-keys.js';
import { replayEvents } from '../offline/replay/replay-events.js';
import { replayState } from '../offline/replay/replay-state.js';
import { complain, noteErased, type Sink } from './command-output.js';
import { entryDocument } from './entry-document.js';
import { checkOperation, type EventRange, parseRange } from './event-range.js';
import { UsageError } from './exit-codes.js';
import { findData } from './find-data.js';
import { type HistoryQuery, noteBeginning, optionWords, withOlderHistory } from './older-history.js';
import { writeOutputFile } from './output-file.js';
import { type FormOptions, formOf } from './online/output-form.js';
import { arrayOfLines, printPieces } from './print-pieces.js';
import type { FolderOptions, RunContext } from './run-command.js';
import { withScratchFolder } from './scratch-folder.js';

/** Options of the command line. */
export interface ReplayCommandOptions extends FolderOptions, FormOptions {
  readonly until?: string;
  readonly out?: string;
  readonly events?: boolean;
  readonly from?: string;
  readonly key?: string;
  readonly op?: string;
  readonly actor?: string;
}

/** A replay with checked options. */
interface Replay extends EventRange {
  readonly project: string;
  readonly options: ReplayCommandOptions;
  readonly disk: Disk;
  readonly dataFolder: string;
  readonly context: RunContext;
}

/**
 * Replays the log of a project.
 *
 * @param project the project's id; `_server` with events only
 * @returns true
 * @throws {UsageError} when the options contradict each other, or the project does not exist
 */
export async function replay(project: string, options: ReplayCommandOptions, context: RunContext): Promise<boolean> {
  checkOptions(project, options);
  const range = parseRange('replay', options);
  const { dataFolder, disk } = await findData({ command: 'replay', project }, options, context.signal);
  const request: Replay = { project, options, disk, dataFolder, context, ...range };
  const query = historyQuery(request);
  try {
    if (options.events === true && range.fromSeq === undefined) await noteBeginning(query);
    await write(request);
  } catch (error) {
    throw await withOlderHistory(error, query);
  }
  return true;
}

function checkOptions(project: string, { events, from, key, op, actor }: ReplayCommandOptions): void {
  const isFiltered = [from, key, op, actor].some((option) => option !== undefined);
  if (events !== true && isFiltered) throw new UsageError('Cannot use --from, --key, --op or --actor without --events');
  if (events !== true && project === REGISTRY) throw new UsageError(`Cannot print a state of "${REGISTRY}": add --events`);
  checkOperation(project, op);
}

/** The same command, to be repeated on a folder with an older log if this log lacks the lines. */
function historyQuery({ project, options, disk, dataFolder, fromSeq, until }: Replay): HistoryQuery {
  const named = optionWords(options, ['events', 'until', 'from', 'key', 'op', 'actor', 'out', 'json', 'jsonl']);
  const words = ['replay', project, ...named];
  return { disk, dataFolder, project, words, wanted: fromSeq === undefined ? until : { seq: fromSeq } };
}

async function write({ project, options, disk, dataFolder, context, fromSeq, fromMs, until }: Replay): Promise<void> {
  const { output, signal } = context;
  await withScratchFolder(async (scratchFolder) => {
    const common = { disk, dataFolder, project, until, scratchFolder, signal };
    const { key, op, actor } = options;
    const form = formOf(options);
    const work = async (sink: Sink): Promise<void> => {
      if (options.events === true) {
        const lines = replayEvents({ ...common, fromSeq, fromMs, filter: { key, op, actor } });
        await printPieces(form === 'json' ? arrayOfLines(lines) : lines, sink);
        return;
      }
      const state = await replayState(common);
      if (state.seq === 0) complain(`"${project}" has no events at or before ${momentText(until)}`);
      if (state.erasedCount > 0) noteErased(state.erasedCount);
      await printPieces(form === 'jsonl' ? entryLines(keysOfState(common, state)) : createReadStream(state.path), sink);
    };
    await (options.out === undefined ? work(output) : writeOutputFile(options.out, dataFolder, work));
  });
}

async function* entryLines(groups: AsyncIterable<readonly ListedKey[]>): AsyncGenerator<Buffer> {
  for await (const group of groups) {
    yield Buffer.from(group.map(({ value = 'null', ...rest }) => `${entryDocument({ ...rest, value })}\n`).join(''));
  }
}
