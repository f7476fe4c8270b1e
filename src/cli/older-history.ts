/**
 * Where the lines are that a log does not have: in an older log of the project, or in none. Prints the commands that read them.
 */
import { programCommand } from '../base/program-command.js';
import type { Disk } from '../disk/disk.js';
import { openProjectLog } from '../offline/project-files.js';
import { type Moment, OutOfReachError } from '../offline/replay/moment.js';
import { findOlderLogs, type OlderLog, olderLogWith } from '../offline/replay/older-logs.js';
import { complain } from './command-output.js';

/** The history that a command asks for. */
export interface HistoryQuery {
  readonly disk: Disk;
  /** Absolute. */
  readonly dataFolder: string;
  readonly project: string;
  /** Undefined: the beginning of the log. */
  readonly wanted: Moment | undefined;
  /** The words of the command, without the options that name the folder. */
  readonly words: readonly string[];
}

/** The options of a command as words, in the order of `names`. */
export function optionWords<Name extends string>(
  options: { readonly [Key in Name]?: string | boolean | undefined }, names: readonly Name[],
): readonly string[] {
  return names.flatMap((name) => {
    const value: string | boolean | undefined = options[name];
    if (typeof value === 'string') return [`--${name}`, value];
    return value === true ? [`--${name}`] : [];
  });
}

/** Notes that a log does not begin with the creation of its project, and where the earlier lines are. */
export async function noteBeginning(query: HistoryQuery): Promise<void> {
  const { disk, dataFolder, project } = query;
  const { firstSeq } = await openProjectLog(disk, { dataFolder, project });
  if (firstSeq === 1) return;
  const logs = await findOlderLogs(disk, dataFolder, project);
  const older = logs.map((log) => `\n${reading(log, query)}`).join('');
  const where = older === '' ? '; earlier lines are not in this data folder' : `. Older logs of the project:${older}`;
  complain(`the log begins with seq ${firstSeq}${where}`);
}

/** Adds to the error of a command where to find the history that it asks for. */
export async function withOlderHistory(error: unknown, query: HistoryQuery): Promise<unknown> {
  if (!(error instanceof OutOfReachError) || error.side !== 'before') return error;
  const { disk, dataFolder, project, wanted } = query;
  const logs = await findOlderLogs(disk, dataFolder, project);
  const log = wanted === undefined ? logs.at(0) : olderLogWith(logs, wanted);
  if (log !== undefined) return error.with(`An older log of the project has it. Run:\n${reading(log, query)}`);
  const others = logs.map((other) => `\n${reading(other, query)}`).join('');
  const where = others === '' ? 'the data folder has no older log; look in a backup' : `the older logs have other lines:${others}`;
  const removed = programCommand(['replay', '_server', '--events', '--op', 'segment.removed', '--data', dataFolder]);
  return error.with(`For lines that old, ${where}\nThis lists what retention removed: ${removed}`);
}

/** The command that reads an older log, and the range that it has. */
function reading({ dataFolder, first, last }: OlderLog, { words }: HistoryQuery): string {
  const end = last.timeMs === undefined ? '' : `, until ${new Date(last.timeMs).toISOString()}`;
  const range = `seq ${first.seq} to ${last.seq}, from ${new Date(first.timeMs).toISOString()}${end}`;
  return `  # ${range}\n  ${programCommand([...words, '--data', dataFolder])}`;
}
