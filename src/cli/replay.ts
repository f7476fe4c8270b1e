/**
 * The command `replay`: prints the state of a project at any point of its log, or the lines of the log. Changes nothing.
 */
import { createReadStream } from 'node:fs';
import { NodeDisk } from '../disk/node-disk.js';
import { openProjectLog } from '../offline/project-files.js';
import { REGISTRY } from '../offline/registry.js';
import { type Moment, momentText } from '../offline/replay/moment.js';
import { operationsOf, replayEvents } from '../offline/replay/replay-events.js';
import { replayState } from '../offline/replay/replay-state.js';
import { complain, type Sink } from './command-output.js';
import { UsageError } from './exit-codes.js';
import { findData } from './find-data.js';
import { type OlderHistoryQuery, olderHistoryNote, withOlderHistory } from './older-history.js';
import { writeOutputFile } from './output-file.js';
import { dependsOnMachine, parseMoment, parseSeq } from './parse-moment.js';
import type { FolderOptions, RunContext } from './run-command.js';
import { withScratchFolder } from './scratch-folder.js';

/** Options of the command line. */
export interface ReplayCommandOptions extends FolderOptions {
  readonly until?: string;
  readonly out?: string;
  readonly events?: boolean;
  readonly from?: string;
  readonly key?: string;
  readonly op?: string;
  readonly actor?: string;
}

/** The part of the log to replay; undefined: from its beginning, to its end. */
interface Range {
  readonly fromSeq: number | undefined;
  readonly until: Moment | undefined;
}

/** A replay with checked options. */
interface Replay extends Range {
  readonly project: string;
  readonly options: ReplayCommandOptions;
  readonly dataFolder: string;
  readonly context: RunContext;
}

/** Size of one write of output, in bytes. */
const OUTPUT_BYTES = 65_536;

const disk = new NodeDisk();

/**
 * Replays the log of a project.
 *
 * @param project the project's id; `_server` with events only
 * @returns true
 * @throws {UsageError} when the options contradict each other, or the project does not exist
 */
export async function replay(project: string, options: ReplayCommandOptions, context: RunContext): Promise<boolean> {
  checkOptions(project, options);
  const { fromSeq, until } = rangeOf(options);
  const { dataFolder } = await findData({ command: 'replay', project }, options, disk, context.signal);
  const request: Replay = { project, options, dataFolder, context, fromSeq, until };
  const query = historyQuery(request);
  try {
    if (options.events === true && fromSeq === undefined) await noteBeginning(query);
    await write(request);
  } catch (error) {
    throw await withOlderHistory(error, query);
  }
  return true;
}

function checkOptions(project: string, { events, from, key, op, actor }: ReplayCommandOptions): void {
  const isFiltered = [from, key, op, actor].some((option) => option !== undefined);
  if (events !== true && isFiltered) throw new UsageError('Cannot select lines without --events: a state is made of all of them');
  if (events !== true && project === REGISTRY) throw new UsageError(`Cannot print a state of "${REGISTRY}": add --events`);
  const operations = operationsOf(project);
  if (op === undefined || operations.includes(op)) return;
  throw new UsageError(`Cannot select lines with the operation "${op}": lines of "${project}" have one of ${operations.join(', ')}`);
}

function rangeOf(options: ReplayCommandOptions): Range {
  const until = options.until === undefined ? undefined : parseMoment(options.until, Date.now());
  if (options.until !== undefined && until !== undefined && 'timeMs' in until && dependsOnMachine(options.until)) {
    complain(`"${options.until}" means ${new Date(until.timeMs).toISOString()}`);
  }
  const fromSeq = options.from === undefined ? undefined : parseSeq(options.from);
  if (options.from !== undefined && fromSeq === undefined) throw new UsageError(`Cannot replay from "${options.from}": expected a seq`);
  if (fromSeq !== undefined && until !== undefined && 'seq' in until && until.seq < fromSeq) {
    throw new UsageError(`Cannot replay from seq ${fromSeq} until seq ${until.seq}: the range is empty`);
  }
  return { fromSeq, until };
}

/** The same command, to be repeated on a folder with an older log if this log lacks the lines. */
function historyQuery({ project, options, dataFolder, fromSeq, until }: Replay): OlderHistoryQuery {
  const named = (['until', 'from', 'key', 'op', 'actor', 'out'] as const).flatMap((name) => {
    const value = options[name];
    return value === undefined ? [] : [`--${name}`, value];
  });
  const words = ['replay', project, ...(options.events === true ? ['--events'] : []), ...named];
  return { disk, dataFolder, project, words, wanted: fromSeq === undefined ? until : { seq: fromSeq } };
}

async function noteBeginning(query: OlderHistoryQuery): Promise<void> {
  const note = await olderHistoryNote((await openProjectLog(disk, query)).firstSeq, query);
  if (note !== '') complain(note);
}

async function write({ project, options, dataFolder, context, fromSeq, until }: Replay): Promise<void> {
  const { output, signal } = context;
  await withScratchFolder(async (scratchFolder) => {
    const common = { disk, dataFolder, project, until, scratchFolder, signal };
    const { key, op, actor } = options;
    const work = async (sink: Sink): Promise<void> => {
      if (options.events === true) {
        await printPieces(replayEvents({ ...common, fromSeq, filter: { key, op, actor } }), sink);
        return;
      }
      const state = await replayState(common);
      if (state.seq === 0) complain(`"${project}" has no line from ${momentText(until)} or before`);
      await printPieces(createReadStream(state.path), sink);
    };
    await (options.out === undefined ? work(output) : writeOutputFile(options.out, dataFolder, work));
  });
}

/** Prints many small pieces as few large ones, until there are no more or the reader is gone. */
async function printPieces(pieces: AsyncIterable<Buffer>, sink: Sink): Promise<void> {
  let waiting: Buffer[] = [];
  let waitingBytes = 0;
  const flush = async (): Promise<void> => {
    const piece = Buffer.concat(waiting);
    waiting = [];
    waitingBytes = 0;
    await sink.print(piece);
  };
  try {
    for await (const piece of pieces) {
      waiting.push(piece);
      waitingBytes += piece.length;
      if (waitingBytes >= OUTPUT_BYTES) await flush();
      if (sink.isClosed) return;
    }
  } finally {
    // The sound lines before a fault are printed before its error.
    await flush();
  }
}
