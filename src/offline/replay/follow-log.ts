/**
 * Follows a log while a server writes it. Shows only lines that are final: those that a crash of the machine can no longer take back.
 */
import { openProjectLog } from '../project-files.js';
import type { LineFilter } from './line-filter.js';
import type { FoundLine } from './found-line.js';
import { type LogSource, selectIn } from './replay-events.js';

/** Which lines a log has now. */
export interface LogExtent {
  /** 32 hexadecimal digits. */
  readonly logId: string;
  readonly firstSeq: number;
  /** The last whole line; one below the first seq if there is none. */
  readonly lastSeq: number;
  /** The last line that is known to be on disk. */
  readonly finalSeq: number;
}

/** Which lines to follow. */
interface FollowOptions extends LogSource {
  /** The log; another one of the same project is not followed. */
  readonly logId: string;
  readonly fromSeq: number;
  readonly filter: LineFilter;
}

/**
 * Reads which lines a log has now.
 *
 * @throws {LogCorruptError} when there is no log, or it does not end with a line of a log
 */
export async function readExtent({ disk, dataFolder, project }: LogSource): Promise<LogExtent> {
  const { files, firstSeq } = await openProjectLog(disk, { dataFolder, project });
  const finalSeq = await files.durableSeq();
  return { logId: files.logId, firstSeq, finalSeq, lastSeq: await files.lastSeq() };
}

/**
 * Finds the matching lines as they become final, across rotations.
 *
 * @param wait called when there are no more; resolves when to look again, and rejects to end the reading
 * @returns lines in groups; never ends by itself
 * @throws {LogReplacedError} when the log is deleted, or another one takes its place
 * @throws {LogCorruptError} when a line is damaged
 */
export async function* followLog(options: FollowOptions, wait: () => Promise<void>): AsyncGenerator<readonly FoundLine[]> {
  const { disk, dataFolder, project, logId, fromSeq, filter, signal } = options;
  const { files } = await openProjectLog(disk, { dataFolder, project, logId });
  for await (const group of files.follow(fromSeq, wait)) {
    signal?.throwIfAborted();
    const found = [...selectIn(group, filter)];
    if (found.length > 0) yield found;
  }
}
