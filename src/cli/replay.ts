/**
 * The command `replay`: shows what a project was at any point of its log, or the lines that made it so. Changes nothing.
 */
import { createReadStream } from 'node:fs';
import { NodeDisk } from '../disk/node-disk.js';
import { type Moment, momentText } from '../offline/replay/moment.js';
import { openProjectLog } from '../offline/project-files.js';
import { operationsOf, replayEvents } from '../offline/replay/replay-events.js';
import { replayState } from '../offline/replay/replay-state.js';
import { REGISTRY } from '../offline/registry.js';
import { findDataFolder, type FolderOptions, UsageError } from './data-folder.js';
import { type OlderHistoryQuery, olderHistoryNote, withOlderHistory } from './older-history.js';
import { type Sink, writeOutputFile } from './output-file.js';
import { dependsOnMachine, parseMoment, parseSeq } from './parse-moment.js';
import { printPieces } from './print-pieces.js';
import { requireProject, requireProjectName } from './require-project.js';
import type { CommandContext } from './run-command.js';
import { withScratchFolder } from './scratch-folder.js';
import { complain } from './standard-error.js';

/** What the command line says. */
export interface ReplayCommandOptions extends FolderOptions {
  readonly until?: string;
  readonly out?: string;
  readonly events?: boolean;
  readonly from?: string;
  readonly key?: string;
  readonly op?: string;
  readonly actor?: string;
}

/** From where to where; undefined: from the beginning, to the end. */
interface Range {
  readonly fromSeq: number | undefined;
  readonly until: Moment | undefined;
}

/** What is asked for, once it makes sense. */
interface Replay extends Range {
  readonly project: string;
  readonly options: ReplayCommandOptions;
  readonly dataFolder: string;
  readonly context: CommandContext;
}

const disk = new NodeDisk();

/**
 * Replays the log of a project.
 *
 * @param project the project's id; `_server` with events only
 * @param options up to where, what is shown, and where it goes
 * @returns true when it is done
 * @throws {UsageError} when the options do not go together, or the project is not there
 */
export async function replay(project: string, options: ReplayCommandOptions, context: CommandContext): Promise<boolean> {
  requireProjectName(project, 'replay');
  refuseOptions(project, options);
  const { fromSeq, until } = readRange(options);
  const found = await findDataFolder(options);
  await requireProject(project, found, { command: 'replay', disk, signal: context.signal });
  const { dataFolder } = found;
  const asked: Replay = { project, options, dataFolder, context, fromSeq, until };
  const query = historyQuery(asked);
  try {
    if (options.events === true && fromSeq === undefined) await noteBeginning(query);
    await write(asked);
  } catch (error) {
    throw await withOlderHistory(error, query);
  }
  return true;
}

function refuseOptions(project: string, { events, from, key, op, actor }: ReplayCommandOptions): void {
  const isFiltered = [from, key, op, actor].some((option) => option !== undefined);
  if (events !== true && isFiltered) throw new UsageError('Cannot pick lines without --events: a state is made of all of them');
  if (events !== true && project === REGISTRY) throw new UsageError(`Cannot show a state of "${REGISTRY}": add --events`);
  const operations = operationsOf(project);
  if (op === undefined || operations.includes(op)) return;
  throw new UsageError(`Cannot pick lines with the operation "${op}": lines of "${project}" have one of ${operations.join(', ')}`);
}

function readRange(options: ReplayCommandOptions): Range {
  const until = options.until === undefined ? undefined : parseMoment(options.until, Date.now());
  if (options.until !== undefined && until !== undefined && 'timeMs' in until && dependsOnMachine(options.until)) {
    complain(`"${options.until}" is taken for ${new Date(until.timeMs).toISOString()}`);
  }
  const fromSeq = options.from === undefined ? undefined : parseSeq(options.from);
  if (options.from !== undefined && fromSeq === undefined) throw new UsageError(`Cannot replay from "${options.from}": expected a seq`);
  if (fromSeq !== undefined && until !== undefined && 'seq' in until && until.seq < fromSeq) {
    throw new UsageError(`Cannot replay from seq ${fromSeq} until seq ${until.seq}: that ends before it begins`);
  }
  return { fromSeq, until };
}

/** Where the lines are looked for that the log does not have, and how: the same command on another folder. */
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
