/**
 * The folder in which the logs of a server lie, one set of names a project: makes, opens and removes them.
 */
import { AppError, isErrno } from '../../base/app-error.js';
import { type Clock, systemClock } from '../../base/clock.js';
import type { Logger } from '../../base/logger.js';
import { encodeHeaderLine, genesisHash } from '../line-format.js';
import type { Log, LogHome, LogOptions, OpenOptions } from '../log.js';
import { changeFolder, type Disk, ShortWriteError, writeNewFile } from '../../disk/disk.js';
import { FileLog, type FileLogContext } from './file-log.js';
import { createHead, readHead } from './head-file.js';
import { LogPaths } from './log-paths.js';
import { recoverLog } from './recovery.js';
import { emptyTrash, findLogId, isRemovalBegun, moveToTrash } from './removal.js';

/** Names that a creation leaves in the project's folder before the project exists. */
const UNFINISHED_NAMES: readonly string[] = ['next', 'head', 'head.tmp'];

/** What a file home is made with. */
export interface FileHomeOptions {
  /** The folder, absolute; it must exist. */
  readonly folder: string;
  readonly disk: Disk;
  readonly logger: Logger;
  /** @default {@link systemClock} */
  readonly clock?: Clock;
  /** How often a log that found the disk full tries again, in milliseconds. */
  readonly probeIntervalMs?: number;
}

/** Logs in files. */
export class FileHome implements LogHome {
  readonly #options: FileHomeOptions;
  /** Erasing in the background; it never rejects. */
  #erasing: Promise<void> = Promise.resolve();

  /** @param options folder, disk, logger */
  constructor(options: FileHomeOptions) {
    this.#options = options;
  }

  #paths(project: string): LogPaths {
    return new LogPaths(this.#options.folder, project);
  }

  #context(paths: LogPaths): FileLogContext {
    const { disk, logger, clock, probeIntervalMs } = this.#options;
    return { disk, paths, logger, clock: clock ?? systemClock, probeIntervalMs };
  }

  async namesOf(project: string): Promise<readonly string[]> {
    const { disk } = this.#options;
    const paths = this.#paths(project);
    const names: string[] = [];
    if ((await disk.status(paths.active)) !== undefined) names.push(paths.activeName);
    if ((await disk.status(paths.snapshot)) !== undefined) names.push(`${project}.json`);
    const inFolder = await disk.list(paths.folder);
    // What an unfinished creation left belongs to nobody; with an active segment beside it, or a head that proves lines, it is
    // a project's folder.
    const isProject = names.length > 0 || inFolder.some((name) => !UNFINISHED_NAMES.includes(name)) || (await this.#headSeq(paths)) > 0;
    if (isProject) names.push(...inFolder.map((name) => paths.shown(name)));
    return names;
  }

  async #headSeq(paths: LogPaths): Promise<number> {
    return (await readHead(this.#options.disk, paths.head)).head?.seq ?? 0;
  }

  async create(project: string, options: LogOptions & { readonly logId: string }): Promise<Log> {
    const taken = await this.namesOf(project);
    if (taken.length > 0) {
      throw new AppError(
        'project_files_exist', `Cannot create the project "${project}": files of that name exist`, { facts: { files: taken } },
      );
    }
    const paths = this.#paths(project);
    const hash = genesisHash(project, options.logId);
    const header = encodeHeaderLine({ project, logId: options.logId, firstSeq: 1, previousHash: hash });
    try {
      await this.#writeNewLog(paths, Buffer.from(header), { logId: options.logId, seq: 0, hash });
    } catch (error) {
      if (isErrno(error, 'ENOSPC', 'EDQUOT', 'EFBIG') || error instanceof ShortWriteError) {
        throw new AppError('disk_full', `Cannot create the project "${project}": the disk is full`, { cause: error });
      }
      throw error;
    }
    const sizeBytes = header.length;
    const head = { head: { logId: options.logId, seq: 0, hash }, slot: 0, damaged: false };
    const recovered = {
      logId: options.logId, end: { seq: 0, hash }, lastTimeMs: 0, sealed: [], active: { firstSeq: 1, sizeBytes }, head, tornBytes: 0,
    };
    return await FileLog.open(this.#context(paths), recovered, options);
  }

  /** The active name appears last, by a link, which never replaces anything: before it, nothing of the project exists. */
  async #writeNewLog(
    paths: LogPaths, header: Buffer, head: { readonly logId: string; readonly seq: number; readonly hash: string },
  ): Promise<void> {
    const { disk } = this.#options;
    await changeFolder(disk, paths.home, () => disk.makeFolder(paths.folder));
    await changeFolder(disk, paths.folder, async () => {
      for (const name of UNFINISHED_NAMES) await disk.unlink(paths.inFolder(name));
      await writeNewFile(disk, paths.next, header);
      await createHead(disk, paths.head, head);
    });
    await changeFolder(disk, paths.home, () => disk.link(paths.next, paths.active));
    await disk.unlink(paths.next);
  }

  async open(project: string, options: OpenOptions): Promise<Log | undefined> {
    const paths = this.#paths(project);
    const { disk, logger } = this.#options;
    const recovered = await recoverLog(disk, paths, { expectedLogId: options.expectedLogId, replay: options.replay, logger });
    return recovered && (await FileLog.open(this.#context(paths), recovered, options));
  }

  async identify(project: string): Promise<string | undefined> {
    const found = await findLogId(this.#options.disk, this.#paths(project));
    return found === 'absent' || found === 'unreadable' ? undefined : found;
  }

  async remove(project: string, logId: string): Promise<void> {
    await moveToTrash(this.#options.disk, this.#paths(project), logId);
    this.#eraseTrash();
  }

  async finishRemovals(deleted: ReadonlyMap<string, string>): Promise<void> {
    const { disk, folder } = this.#options;
    for (const [logId, project] of deleted) {
      const isHere = (await findLogId(disk, this.#paths(project))) === logId;
      if (isHere || (await isRemovalBegun(disk, folder, logId))) await moveToTrash(disk, this.#paths(project), logId);
    }
    this.#eraseTrash();
  }

  #eraseTrash(): void {
    const { disk, folder, logger } = this.#options;
    this.#erasing = this.#erasing.then(async () => {
      try {
        await emptyTrash(disk, folder);
      } catch (error) {
        logger.warn({ err: error }, 'the files of a deleted project could not be erased; the next start tries again');
      }
    });
  }

  async close(): Promise<void> {
    await this.#erasing;
  }
}
