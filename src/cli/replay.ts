/**
 * The command `replay`: prints the state of a project at any point of its log, or the lines of the log. Changes nothing.
 */
import { createReadStream } from 'node:fs';
import { programCommand } from '../base/program-command.js';
import { NodeDisk } from '../disk/node-disk.js';
import { openProjectLog } from '../offline/project-files.js';
import { REGISTRY } from '../offline/registry.js';
import { type Moment, momentText, OutOfReachError } from '../offline/replay/moment.js';
import { findOlderLogs, type OlderLog, olderLogWith } from '../offline/replay/older-logs.js';
import { operationsOf, replayEvents } from '../offline/replay/replay-events.js';
import { replayState } from '../offline/replay/replay-state.js';
import { complain, type Sink } from './command-output.js';
import { UsageError } from './exit-codes.js';
import { findData } from './find-data.js';
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

/** The history that a replay asks for. */
interface HistoryQuery {
  readonly dataFolder: string;
  readonly project: string;
  /** Undefined: the beginning of the log. */
  readonly wanted: Moment | undefined;
  /** The words of the command, without the options that name the folder. */
  readonly words: readonly string[];
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
  if (events !== true && isFiltered) throw new UsageError('Cannot use --from, --key, --op or --actor without --events');
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
function historyQuery({ project, options, dataFolder, fromSeq, until }: Replay): HistoryQuery {
  const named = (['until', 'from', 'key', 'op', 'actor', 'out'] as const).flatMap((name) => {
    const value = options[name];
    return value === undefined ? [] : [`--${name}`, value];
  });
  const words = ['replay', project, ...(options.events === true ? ['--events'] : []), ...named];
  return { dataFolder, project, words, wanted: fromSeq === undefined ? until : { seq: fromSeq } };
}

/** Notes that a log does not begin with the creation of its project, and where the earlier lines are. */
async function noteBeginning(query: HistoryQuery): Promise<void> {
  const { firstSeq } = await openProjectLog(disk, query);
  if (firstSeq === 1) return;
  const logs = await findOlderLogs(disk, query.dataFolder, query.project);
  const older = logs.map((log) => `\n${reading(log, query)}`).join('');
  const where = older === '' ? '; earlier lines are not in this data folder' : `. Older logs of the project:${older}`;
  complain(`the log begins with seq ${firstSeq}${where}`);
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
      if (state.seq === 0) complain(`"${project}" has no events at or before ${momentText(until)}`);
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

/** Adds to the error of a replay where to find the history that it asks for. */
async function withOlderHistory(error: unknown, query: HistoryQuery): Promise<unknown> {
  if (!(error instanceof OutOfReachError) || error.side !== 'before') return error;
  const logs = await findOlderLogs(disk, query.dataFolder, query.project);
  const log = query.wanted === undefined ? logs.at(0) : olderLogWith(logs, query.wanted);
  if (log !== undefined) {
    return error.with(`An older log of the project has it. Run:\n${reading(log, query)}`);
  }
  const others = logs.map((other) => `\n${reading(other, query)}`).join('');
  const where = others === '' ? 'the data folder has no older log; look in a backup' : `the older logs have other lines:${others}`;
  const removed = programCommand(['replay', '_server', '--events', '--op', 'segment.removed', '--data', query.dataFolder]);
  return error.with(`For the lines before ${momentText(query.wanted)}, ${where}\nThis lists what retention removed: ${removed}`);
}

/** The command that reads an older log, and the range that it has. */
function reading({ dataFolder, first, last }: OlderLog, { words }: HistoryQuery): string {
  const end = last.timeMs === undefined ? '' : `, until ${new Date(last.timeMs).toISOString()}`;
  const range = `seq ${first.seq} to ${last.seq}, from ${new Date(first.timeMs).toISOString()}${end}`;
  return `  # ${range}\n  ${programCommand([...words, '--data', dataFolder])}`;
}
