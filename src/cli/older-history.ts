/**
 * Where the lines are that a project's log does not have any more, and the command that reads them.
 */
import type { Disk } from '../disk/disk.js';
import { findOlderLogs, type OlderLog, olderLogWith } from '../offline/replay/older-logs.js';
import { momentText, type Moment, OutOfReachError } from '../offline/replay/moment.js';
import { programCommand } from '../base/program-command.js';

/** What is replayed. */
export interface OlderHistoryQuery {
  readonly disk: Disk;
  readonly dataFolder: string;
  readonly project: string;
  /** The point that was asked for; undefined: the log's beginning. */
  readonly wanted: Moment | undefined;
  /** Words of the command, without the options that name the folder. */
  readonly words: readonly string[];
}

/** Adds to a refusal where the wanted history is. */
export async function withOlderHistory(error: unknown, query: OlderHistoryQuery): Promise<unknown> {
  if (!(error instanceof OutOfReachError) || error.side !== 'before') return error;
  const logs = await findOlderLogs(query.disk, query.dataFolder, query.project);
  const log = query.wanted === undefined ? logs.at(0) : olderLogWith(logs, query.wanted);
  if (log !== undefined) {
    return error.with(`An older log of it has that, and this command reads it:\n${reading(log, query)}`);
  }
  const others = logs.map((other) => `\n${reading(other, query)}`).join('');
  const where = others === '' ? 'no older log of it is in the data folder; look in a copy' : `its older logs have other lines:${others}`;
  const removed = programCommand(['replay', '_server', '--events', '--op', 'segment.removed', '--data', query.dataFolder]);
  return error.with(`Of what came before ${momentText(query.wanted)}, ${where}\nWhat retention removed: ${removed}`);
}

/**
 * Says that a log does not begin with its project, where it does not.
 *
 * @returns one note or more, each a line; empty when nothing is missing
 */
export async function olderHistoryNote(firstSeq: number, query: OlderHistoryQuery): Promise<string> {
  if (firstSeq === 1) return '';
  const logs = await findOlderLogs(query.disk, query.dataFolder, query.project);
  const begins = `the log begins with seq ${firstSeq}`;
  if (logs.length === 0) return `${begins}; what came before is not in this data folder`;
  return `${begins}. Older logs of it:\n${logs.map((log) => reading(log, query)).join('\n')}`;
}

function reading({ dataFolder, first, last }: OlderLog, { words }: OlderHistoryQuery): string {
  const end = last.timeMs === undefined ? '' : `, until ${new Date(last.timeMs).toISOString()}`;
  const range = `seq ${first.seq} to ${last.seq}, from ${new Date(first.timeMs).toISOString()}${end}`;
  return `  # ${range}\n  ${programCommand([...words, '--data', dataFolder])}`;
}
