/**
 * Finds the older logs of a project that a data folder keeps: in `_left`, from before the project moved to memory, and in `_repair`, from
 * before it was repaired. Each is in a folder that can be read like a data folder.
 */
import { join } from 'node:path';
import { AppError, isErrno } from '../../base/app-error.js';
import type { Disk } from '../../disk/disk.js';
import { LEFT_FOLDER, REPAIR_FOLDER } from '../../log/file/log-paths.js';
import { LinesDroppedError } from '../../log/log-errors.js';
import { openProjectLog, type ProjectLog } from '../project-files.js';
import { isBehind, type Moment } from './moment.js';

/** A line of an older log. */
interface DatedLine {
  readonly seq: number;
  readonly timeMs: number;
}

/** A folder that may hold an older log of a project. */
interface OlderFolder {
  readonly project: string;
  /** Absolute; can be read like a data folder. */
  readonly folder: string;
}

/** An older log. */
export interface OlderLog {
  /** Absolute; a value for `--data`. */
  readonly dataFolder: string;
  readonly first: DatedLine;
  /** Its time is undefined if the log is damaged before it. */
  readonly last: { readonly seq: number; readonly timeMs: number | undefined };
}

/** The damaged files in the folder of a repair. */
export const REPAIRED_FILES = 'old';

/**
 * Finds the folders that may hold an older log. Opens none of them.
 *
 * @param dataFolder the data folder, absolute
 */
export async function findOlderFolders(disk: Disk, dataFolder: string): Promise<readonly OlderFolder[]> {
  const named = async (parent: string, form: RegExp, ...inside: readonly string[]): Promise<readonly OlderFolder[]> => {
    const names = await disk.list(join(dataFolder, parent));
    return names.flatMap((name) => {
      const project = form.exec(name)?.[1];
      return project === undefined ? [] : [{ project, folder: join(dataFolder, parent, name, ...inside) }];
    });
  };
  return [
    ...(await named(LEFT_FOLDER, /^(.+)-[0-9a-f]{32}$/)), ...(await named(REPAIR_FOLDER, /^(.+)-\d{8}T\d{6}Z(?:-\d+)?$/, REPAIRED_FILES)),
  ];
}

/**
 * Finds the older logs of a project, the newest first. Skips those that cannot be opened.
 *
 * @param dataFolder the data folder, absolute
 */
export async function findOlderLogs(disk: Disk, dataFolder: string, project: string): Promise<readonly OlderLog[]> {
  const folders = (await findOlderFolders(disk, dataFolder)).filter((older) => older.project === project);
  const logs: OlderLog[] = [];
  for (const { folder } of folders) {
    const log = await readOlderLog(disk, folder, project);
    if (log !== undefined) logs.push(log);
  }
  return logs.sort((a, b) => b.last.seq - a.last.seq);
}

/** Picks the newest log that reaches a moment; undefined if none does. */
export function olderLogWith(logs: readonly OlderLog[], moment: Moment): OlderLog | undefined {
  return logs.find(({ first, last }) => !isBehind(first, moment) && !('seq' in moment && moment.seq > last.seq));
}

async function readOlderLog(disk: Disk, dataFolder: string, project: string): Promise<OlderLog | undefined> {
  const log = await unlessDamaged(() => openProjectLog(disk, { dataFolder, project }));
  const lastSeq = log && (await unlessDamaged(() => log.files.lastSeq()));
  if (log === undefined || lastSeq === undefined) return undefined;
  const first = await lineOf(log, log.firstSeq);
  return first && { dataFolder, first, last: { seq: lastSeq, timeMs: (await lineOf(log, lastSeq))?.timeMs } };
}

async function lineOf({ files }: ProjectLog, seq: number): Promise<DatedLine | undefined> {
  return await unlessDamaged(async () => {
    for await (const group of files.lines({ fromSeq: seq, toSeq: seq })) {
      const line = group.find((candidate) => candidate.seq === seq);
      if (line !== undefined) return { seq, timeMs: line.timeMs };
    }
    return undefined;
  });
}

async function unlessDamaged<T>(read: () => Promise<T>): Promise<T | undefined> {
  try {
    return await read();
  } catch (error) {
    if (error instanceof AppError || error instanceof LinesDroppedError || isErrno(error)) return undefined;
    throw error;
  }
}
