/**
 * Older logs of a project that lie beside the data in use: in `_left`, from before the project moved to memory, and in `_repair`,
 * from before it was repaired. Each lies in a folder that can be read like a data folder.
 */
import { join } from 'node:path';
import { AppError, isErrno } from '../base/app-error.js';
import type { Disk } from '../disk/disk.js';
import { LEFT_FOLDER } from '../log/file/log-paths.js';
import { LinesDroppedError } from '../log/log-errors.js';
import { isBehind, type Moment } from './moment.js';
import { openProjectLines, type ProjectLines } from './project-lines.js';
import { REPAIR_FOLDER } from './repair-journal.js';

/** A line of an older log. */
export interface DatedLine {
  readonly seq: number;
  readonly timeMs: number;
}

/** An older log. */
export interface OlderLog {
  /** Absolute; what `--data` takes. */
  readonly dataFolder: string;
  /** The first line that is there. */
  readonly first: DatedLine;
  /** The last one; its time is missing where the log is damaged before it. */
  readonly last: Omit<DatedLine, 'timeMs'> & { readonly timeMs: number | undefined };
}

/** The folder in a repair's folder that holds what was damaged. */
const REPAIRED_FILES = 'old';

/**
 * Finds the older logs of a project. One that cannot be opened is left out.
 *
 * @param where the data folder, absolute, and the project
 */
export async function findOlderLogs(
  disk: Disk, { dataFolder, project }: { readonly dataFolder: string; readonly project: string },
): Promise<readonly OlderLog[]> {
  const named = async (folder: string, form: RegExp, ...inside: readonly string[]): Promise<readonly string[]> => {
    const names = (await disk.list(join(dataFolder, folder))).filter((name) => name.startsWith(`${project}-`));
    return names.filter((name) => form.test(name.slice(project.length + 1))).map((name) => join(dataFolder, folder, name, ...inside));
  };
  const folders = [
    ...(await named(LEFT_FOLDER, /^[0-9a-f]{32}$/)), ...(await named(REPAIR_FOLDER, /^\d{8}T\d{6}Z(?:-\d+)?$/, REPAIRED_FILES)),
  ];
  const logs: OlderLog[] = [];
  for (const folder of folders) {
    const log = await look(disk, folder, project);
    if (log !== undefined) logs.push(log);
  }
  return logs.sort((a, b) => b.last.seq - a.last.seq);
}

/**
 * Picks the log that holds a point of the past.
 *
 * @returns the newest log that reaches it; undefined when none does
 */
export function olderLogWith(logs: readonly OlderLog[], moment: Moment): OlderLog | undefined {
  return logs.find(({ first, last }) => !isBehind(first, moment) && !('seq' in moment && moment.seq > last.seq));
}

async function look(disk: Disk, dataFolder: string, project: string): Promise<OlderLog | undefined> {
  const log = await unlessDamaged(() => openProjectLines(disk, { dataFolder, project }));
  const lastSeq = log && (await unlessDamaged(() => log.files.lastSeq()));
  if (log === undefined || lastSeq === undefined) return undefined;
  const first = await lineOf(log, log.firstSeq);
  return first && { dataFolder, first, last: { seq: lastSeq, timeMs: (await lineOf(log, lastSeq))?.timeMs } };
}

async function lineOf({ files }: ProjectLines, seq: number): Promise<DatedLine | undefined> {
  return await unlessDamaged(async () => {
    for await (const group of files.lines({ fromSeq: seq, toSeq: seq })) {
      const line = group.find((candidate) => candidate.seq === seq);
      if (line !== undefined) return { seq, timeMs: line.timeMs };
    }
    return undefined;
  });
}

async function unlessDamaged<T>(look: () => Promise<T>): Promise<T | undefined> {
  try {
    return await look();
  } catch (error) {
    if (error instanceof AppError || error instanceof LinesDroppedError || isErrno(error)) return undefined;
    throw error;
  }
}
