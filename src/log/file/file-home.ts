/**
 * The data folder as the home of logs: creates, opens and removes the files of each project.
 */
import { join } from 'node:path';
import { AppError, isErrno, withDiskFull } from '../../base/app-error.js';
import { type Clock, systemClock } from '../../base/clock.js';
import { logFailure } from '../../base/log-failure.js';
import type { Logger } from '../../base/logger.js';
import { invariant } from '../../base/invariant.js';
import { genesisHash } from '../line-format.js';
import { FIRST_FORMAT } from '../log-format.js';
import { encodeHeaderLine } from '../segment-format.js';
import type { UnmovedLog } from '../log-errors.js';
import type { LogObserver } from '../log-observer.js';
import type { CreateOptions, LogHome, NameHolding, OpenOptions, RecordedLogs } from '../log-home.js';
import type { Log } from '../log.js';
import { changeFolder, type Disk, writeNewFile } from '../../disk/disk.js';
import { IdleFiles } from '../../disk/idle-files.js';
import { FileLog, type FileLogContext } from './file-log.js';
import { createHead, type Head, readHead } from './head-file.js';
import { isSnapshotName, LogPaths, TRASH_FOLDER, UNFINISHED_NAMES } from './log-paths.js';
import { findForeignNames, findLogId, findOwner } from './removal/name-owner.js';
import { recoverLog } from './recovery/recovery.js';
import { eraseCopies } from './removal/erase-copies.js';
import { moveToLeft, moveToTrash } from './removal/move-away.js';
import type { LineChecker } from './segment/checked-lines.js';
import { eraseTrashed, listTrash } from './removal/trash.js';

const ERASING_FAILED = 'the files of a deleted project could not be erased; the next startup tries again';
const FOREIGN_TRASH = 'files in the trash that do not belong to a deleted project are not erased; move them away';
const FOREIGN_FILES = 'files of other programs among those of a deleted project are not erased; move them away';

/** What a file home needs. */
interface FileHomeOptions {
  /** The data folder, absolute; it must exist. */
  readonly folder: string;
  readonly disk: Disk;
  readonly logger: Logger;
  /** @default {@link systemClock} */
  readonly clock?: Clock;
  /** Closes files that are not in use; shared with everything else that reads the folder. @default one of its own */
  readonly idleFiles?: IdleFiles;
  /** Interval at which a log on a full disk tests for free space, in milliseconds. */
  readonly probeIntervalMs?: number;
  /** Checks the lines of large logs in other threads while they are opened. @default none: the opening thread checks them */
  readonly checker?: LineChecker;
  readonly observer?: LogObserver;
}

/** Keeps logs in files. */
export class FileHome implements LogHome {
  readonly #options: FileHomeOptions;
  readonly #idleFiles: IdleFiles;
  /** The erasing in the background; never rejects. */
  #erasing: Promise<void> = Promise.resolve();

  /** @param options folder, disk, logger */
  constructor(options: FileHomeOptions) {
    this.#options = options;
    this.#idleFiles = options.idleFiles ?? new IdleFiles();
  }

  #paths(project: string): LogPaths {
    return new LogPaths(this.#options.folder, project);
  }

  #context(paths: LogPaths): FileLogContext {
    const { disk, logger, clock, probeIntervalMs, observer } = this.#options;
    return { disk, paths, logger, idleFiles: this.#idleFiles, clock: clock ?? systemClock, probeIntervalMs, observer };
  }

  async namesOf(project: string): Promise<readonly string[]> {
    const { disk } = this.#options;
    const paths = this.#paths(project);
    const names: string[] = [];
    if ((await disk.status(paths.active)) !== undefined) names.push(paths.activeName);
    if ((await disk.status(paths.snapshot)) !== undefined) names.push(paths.snapshotName);
    const inFolder = await disk.list(paths.folder);
    // Remains of an interrupted creation leave the name free, unless there is an active segment or a head that proves lines.
    const isUnfinished = inFolder.every(isUnfinishedName);
    const isProject = names.length > 0 || !isUnfinished || (await this.#headSeq(paths)) > 0;
    if (isProject) names.push(...inFolder.map((name) => paths.shown(name)));
    return names;
  }

  async #headSeq(paths: LogPaths): Promise<number> {
    return (await readHead(this.#options.disk, paths.head)).head?.seq ?? 0;
  }

  async create(project: string, options: CreateOptions): Promise<Log> {
    const taken = await this.namesOf(project);
    if (taken.length > 0) {
      throw new AppError(
        'project_files_exist', `Cannot create the project "${project}": files of that name exist`, { facts: { files: taken } },
      );
    }
    const paths = this.#paths(project);
    const { logId, base } = options;
    invariant(base === undefined || (base.seq >= 1 && base.digest !== undefined), 'a log in files continues from a snapshot');
    const genesis = genesisHash(project, logId);
    const end = { seq: base?.seq ?? 0, hash: base?.hash ?? genesis };
    const firstSeq = end.seq + 1;
    const header = encodeHeaderLine({ format: FIRST_FORMAT, project, logId, firstSeq, previousHash: end.hash, base: base?.digest });
    // The first head proves no lines, so that the remains of an interrupted creation do not look like a lost log.
    const head = { logId, seq: 0, hash: genesis };
    let inode: number;
    try {
      if (base === undefined) await this.#removeSnapshots(paths);
      ({ inode } = await this.#writeNewLog(paths, Buffer.from(header), head));
    } catch (error) {
      throw withDiskFull(error, `Cannot create the project "${project}"`);
    }
    const active = { firstSeq, format: FIRST_FORMAT, sizeBytes: header.length, inode };
    const reading = { head, slot: 0, damaged: false, isAbsent: false };
    const recovered = { logId, base, end, lastTimeMs: 0, sealed: [], active, head: reading, isTailCut: false };
    return await FileLog.open(this.#context(paths), recovered, options);
  }

  /** Removes snapshots left by an interrupted creation with a base. */
  async #removeSnapshots(paths: LogPaths): Promise<void> {
    const { disk } = this.#options;
    for (const name of await disk.list(paths.folder)) if (isSnapshotName(name)) await disk.unlink(paths.inFolder(name));
  }

  /** Creates the active name last, by a link, which never replaces a file. Until then the project does not exist. */
  async #writeNewLog(paths: LogPaths, header: Buffer, head: Head): Promise<{ readonly inode: number }> {
    const { disk } = this.#options;
    await changeFolder(disk, paths.home, () => disk.makeFolder(paths.folder));
    const written = await changeFolder(disk, paths.folder, async () => {
      for (const name of UNFINISHED_NAMES) await disk.unlink(paths.inFolder(name));
      const next = await writeNewFile(disk, paths.next, header);
      await createHead(disk, paths.head, head);
      return next;
    });
    await changeFolder(disk, paths.home, () => disk.link(paths.next, paths.active));
    await disk.unlink(paths.next);
    return written;
  }

  async open(project: string, options: OpenOptions): Promise<Log | undefined> {
    const paths = this.#paths(project);
    const { disk, logger, checker, observer } = this.#options;
    const recovered = await recoverLog(disk, paths, { ...options, checker }, logger);
    if (recovered?.isTailCut === true) observer?.tornTail(project);
    return recovered && (await FileLog.open(this.#context(paths), recovered, options));
  }

  async identify(project: string): Promise<string | undefined> {
    const found = await findLogId(this.#options.disk, this.#paths(project));
    return found === 'absent' || found === 'unreadable' ? undefined : found;
  }

  async leave(project: string, logId: string): Promise<void> {
    await moveToLeft(this.#options.disk, this.#paths(project), logId);
  }

  async examine(project: string): Promise<NameHolding> {
    const { disk } = this.#options;
    const paths = this.#paths(project);
    return { owner: await findOwner(disk, paths), foreignNames: await findForeignNames(disk, paths) };
  }

  async remove(project: string, logId: string): Promise<void> {
    await moveToTrash(this.#options.disk, this.#paths(project), logId, true);
    this.#erase([logId]);
  }

  async discard(project: string, logId: string): Promise<void> {
    const { disk } = this.#options;
    const paths = this.#paths(project);
    if ((await findLogId(disk, paths)) === logId) await this.remove(project, logId);
    // Without an active segment there is no log yet, only the files that its creation has written so far.
    else if ((await this.namesOf(project)).length === 0) await this.#removeUnfinished(paths);
  }

  async #removeUnfinished(paths: LogPaths): Promise<void> {
    const { disk } = this.#options;
    for (const name of await disk.list(paths.folder)) await disk.unlink(paths.inFolder(name));
    await disk.removeFolder(paths.folder);
  }

  async eraseCopies(project: string): Promise<readonly string[]> {
    return await eraseCopies(this.#options.disk, this.#paths(project));
  }

  async finishRemovals({ deleted, live }: RecordedLogs): Promise<readonly UnmovedLog[]> {
    const unmoved: UnmovedLog[] = [];
    for (const [logId, project] of deleted) {
      // The name of a live log belongs to that log, whatever files have it.
      if (live.has(project)) continue;
      try {
        await moveToTrash(this.#options.disk, this.#paths(project), logId, false);
      } catch (error) {
        if (!isErrno(error)) throw error;
        unmoved.push({ project, logId, error });
      }
    }
    try {
      await this.#eraseOld(new Set(live.values()));
    } catch (error) {
      if (!isErrno(error)) throw error;
      this.#options.logger.warn({ err: error }, ERASING_FAILED);
    }
    return unmoved;
  }

  /** Erases the trash, except for live logs and for files that no deletion put there. */
  async #eraseOld(liveIds: ReadonlySet<string>): Promise<void> {
    const { disk, folder, logger } = this.#options;
    const { logIds, foreignNames } = await listTrash(disk, folder);
    const keptNames = [...foreignNames, ...logIds.filter((logId) => liveIds.has(logId)).map((logId) => join(TRASH_FOLDER, logId))];
    if (keptNames.length > 0) logger.warn({ files: keptNames }, FOREIGN_TRASH);
    this.#erase(logIds.filter((logId) => !liveIds.has(logId)));
  }

  #erase(logIds: readonly string[]): void {
    const { disk, folder, logger } = this.#options;
    this.#erasing = this.#erasing.then(async () => {
      for (const logId of logIds) {
        const files = await eraseTrashed(disk, folder, logId).catch(logFailure(logger, 'warn', {}, ERASING_FAILED));
        if (files?.length) logger.warn({ files }, FOREIGN_FILES);
      }
    });
  }

  async close(): Promise<void> {
    await this.#erasing;
  }
}

function isUnfinishedName(name: string): boolean {
  return UNFINISHED_NAMES.includes(name) || isSnapshotName(name);
}
