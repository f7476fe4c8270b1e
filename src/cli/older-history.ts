/**
 * Where the lines are that a project's log no longer has, and the command that reads them.
 */
import type { Disk } from '../disk/disk.js';
import { findOlderLogs, type OlderLog, olderLogWith } from '../offline/replay/older-logs.js';
import { momentText, type Moment, OutOfReachError } from '../offline/replay/moment.js';
import { programCommand } from '../base/program-command.js';

/** The history that a replay asks for. */
export interface OlderHistoryQuery {
  readonly disk: Disk;
  readonly dataFolder: string;
  readonly project: string;
  /** Undefined: the beginning of the log. */
  readonly wanted: Moment | undefined;
  /** The words of the command, without the options that name the folder. */
  readonly words: readonly string[];
}

/** Adds to the error of a replay where to find the history that it asks for. */
export async function withOlderHistory(error: unknown, query: OlderHistoryQuery): Promise<unknown> {
  if (!(error instanceof OutOfReachError) || error.side !== 'before') return error;
  const logs = await findOlderLogs(query.disk, query.dataFolder, query.project);
  const log = query.wanted === undefined ? logs.at(0) : olderLogWith(logs, query.wanted);
  if (log !== undefined) {
    return error.with(`This command reads it from an older log of the project:\n${reading(log, query)}`);
  }
  const others = logs.map((other) => `\n${reading(other, query)}`).join('');
  const where = others === '' ? 'the data folder has no older log of it; look in a backup' : `its older logs have other lines:${others}`;
  const removed = programCommand(['replay', '_server', '--events', '--op', 'segment.removed', '--data', query.dataFolder]);
  return error.with(`For the lines before ${momentText(query.wanted)}, ${where}\nThis lists what retention removed: ${removed}`);
}

/**
 * A note for a log that does not begin with the creation of its project.
 *
 * @returns one or more lines; empty if nothing is missing
 */
export async function olderHistoryNote(firstSeq: number, query: OlderHistoryQuery): Promise<string> {
  if (firstSeq === 1) return '';
  const logs = await findOlderLogs(query.disk, query.dataFolder, query.project);
  const begins = `the log begins with seq ${firstSeq}`;
  if (logs.length === 0) return `${begins}; earlier lines are not in this data folder`;
  return `${begins}. Older logs of it:\n${logs.map((log) => reading(log, query)).join('\n')}`;
}

function reading({ dataFolder, first, last }: OlderLog, { words }: OlderHistoryQuery): string {
  const end = last.timeMs === undefined ? '' : `, until ${new Date(last.timeMs).toISOString()}`;
  const range = `seq ${first.seq} to ${last.seq}, from ${new Date(first.timeMs).toISOString()}${end}`;
  return `  # ${range}\n  ${programCommand([...words, '--data', dataFolder])}`;
}
