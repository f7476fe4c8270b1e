/**
 * Recovery: makes sure that the files hold the log that was written, before anything is served from it.
 *
 * Phase 1, in `recovery-scan.ts`, reads the log, verifies each line that it reads against the chain, and passes the caller those that it
 * does not know yet. It changes nothing and throws at whatever cannot be trusted. Phase 2, here, repairs what a crash may leave behind: it
 * cuts a torn tail after copying it, completes a rotation, and makes sure that the end of the log is on disk. Each step may be interrupted
 * and repeated.
 */
import { appendAll, changeFolder, closing, type Disk, type DiskFile, ShortWriteError } from '../../../disk/disk.js';
import { ForeignChangeError } from '../../../disk/disk-fault.js';
import type { Logger } from '../../../base/logger.js';
import type { LogBase, LogPosition, SealedSegment } from '../../log.js';
import type { HeadReading } from '../head-file.js';
import { isInflatedName, type LogPaths, segmentName } from '../log-paths.js';
import type { SegmentExtent } from '../segment/active-segment.js';
import { Rotation } from '../segment/rotation.js';
import { type ScannedLog, scanLog, type ScanOptions } from './recovery-scan.js';
import { keepTornTail } from './torn-tail.js';

/** A log whose files are sound. */
export interface RecoveredLog {
  readonly logId: string;
  readonly base: LogBase | undefined;
  /** The last line; everything up to it is on disk. */
  readonly end: LogPosition;
  /** Time of the last line in milliseconds since 1970, 0 for an empty log. */
  readonly lastTimeMs: number;
  /** The sealed segments, oldest first. */
  readonly sealed: readonly SealedSegment[];
  readonly active: SegmentExtent;
  readonly head: HeadReading;
  /** Whether a torn tail was cut off. */
  readonly isTailCut: boolean;
}

const PROOF_PIECE_BYTES = 1_048_576;
const DAMAGED_FORM = 'one copy of a segment is damaged; using the other copy, which was sound when it was read';
const DOUBLED = 'segments exist both plain and compressed; the next compaction verifies one copy of each and removes the other';

/** Phase 2 for one log. */
class CrashRepair {
  readonly #disk: Disk;
  readonly #paths: LogPaths;
  readonly #logger: Logger;
  readonly #found: ScannedLog;

  constructor(disk: Disk, paths: LogPaths, logger: Logger, found: ScannedLog) {
    this.#disk = disk;
    this.#paths = paths;
    this.#logger = logger;
    this.#found = found;
  }

  async run(): Promise<RecoveredLog> {
    const { logId, base, end, lastTimeMs, sealed, active, head } = this.#found;
    this.#reportDoubled();
    await changeFolder(this.#disk, this.#paths.home, () => this.#disk.makeFolder(this.#paths.folder));
    await changeFolder(this.#disk, this.#paths.folder, () => this.#removeTemporaryFiles());
    const sizeBytes = await this.#repairTail();
    const inode = await this.#proveTail(active.unprovenOffset, sizeBytes);
    if (head.damaged) this.#logger.warn({ project: this.#paths.project }, 'the head was missing or damaged; it is rewritten');
    const common = { logId, base, end, lastTimeMs, head, isTailCut: active.torn !== undefined };
    if (!active.sealed) return { ...common, sealed, active: { firstSeq: active.firstSeq, format: active.format, sizeBytes, inode } };
    const next = await this.#completeRotation();
    const { firstSeq } = active;
    const newest = { firstSeq, lastSeq: end.seq, sizeBytes, storedBytes: sizeBytes, isCompressed: false };
    return { ...common, sealed: [...sealed, newest], active: next };
  }

  async #completeRotation(): Promise<SegmentExtent> {
    const { logId, end, active, secondName } = this.#found;
    this.#logger.info({ project: this.#paths.project, next_seq: end.seq + 1 }, 'completing an interrupted rotation');
    const header = { format: active.format, project: this.#paths.project, logId, firstSeq: end.seq + 1, previousHash: end.hash };
    return await Rotation.run(this.#disk, this.#paths, async (rotation) => {
      const next = await rotation.prepare(header);
      // In a copy of a data folder only the active file was just proved to be on disk, not its copy under the sealed name.
      if (secondName === 'copy') await this.#disk.unlink(this.#paths.inFolder(segmentName(active.firstSeq)));
      if (secondName !== 'link') await rotation.nameSealed(active.firstSeq);
      await rotation.activateNext();
      return next;
    });
  }

  async #removeTemporaryFiles(): Promise<void> {
    const { next, probe, head, compressing, erasing } = this.#paths;
    for (const path of [next, probe, `${head}.tmp`, compressing, erasing]) await this.#disk.unlink(path);
    const names = await this.#disk.list(this.#paths.folder);
    for (const name of names.filter(isInflatedName)) await this.#disk.unlink(this.#paths.inFolder(name));
  }

  /** Removes neither form: startup skips the lines of segments that a snapshot covers, so it does not know which form is sound. */
  #reportDoubled(): void {
    const { project } = this.#paths;
    for (const finding of this.#found.damagedForms) this.#logger.warn({ project, ...finding }, DAMAGED_FORM);
    const segments = this.#found.sealed.filter(({ isDoubled }) => isDoubled).map(({ firstSeq }) => segmentName(firstSeq));
    if (segments.length > 0) this.#logger.info({ project, segments }, DOUBLED);
  }

  /** Cuts a torn tail, or adds the line feed that the last line lacks; returns the size of the file afterwards. */
  async #repairTail(): Promise<number> {
    const { torn, validBytes, lacksLineFeed } = this.#found.active;
    if (torn === undefined && !lacksLineFeed) return validBytes;
    const keptAs = torn && (await keepTornTail(this.#disk, this.#paths, torn));
    await closing(await this.#disk.open(this.#paths.active, 'append'), async (file) => {
      await this.#refuseGrowth(file, validBytes + (torn?.bytes.length ?? 0));
      if (torn !== undefined) await file.truncate(validBytes);
      else await appendAll(file, Buffer.from('\n'));
      await file.datasync();
    });
    const place = { project: this.#paths.project, file: this.#paths.activeName, offset: validBytes, seq: this.#found.end.seq + 1 };
    if (torn !== undefined) {
      const cut = { ...place, bytes: torn.bytes.length, kept_as: keptAs };
      this.#logger.warn(cut, 'cut a torn tail; nothing indicates that any of it had been acknowledged');
    } else this.#logger.warn(place, 'added the line feed that the last line lacked');
    return lacksLineFeed ? validBytes + 1 : validBytes;
  }

  /** Refuses to cut a file that has changed since it was scanned: another program is writing to it. */
  async #refuseGrowth(file: DiskFile, dueBytes: number): Promise<void> {
    const { sizeBytes } = await file.status();
    if (sizeBytes === dueBytes) return;
    const change = `"${this.#paths.activeName}" had ${dueBytes} bytes when it was read and has ${sizeBytes} now`;
    throw new ForeignChangeError(`Cannot recover the log: ${change}: another program writes to it; stop that program and start again`);
  }

  /**
   * Rewrites what the head does not prove, in place, and syncs it. After a failed sync the page cache can hold lines that the disk
   * lacks and that the system considers written. Reading them back proves nothing; writing them again does.
   */
  async #proveTail(fromOffset: number, sizeBytes: number): Promise<number> {
    return await closing(await this.#disk.open(this.#paths.active, 'overwrite'), async (file) => {
      const piece = Buffer.allocUnsafe(PROOF_PIECE_BYTES);
      for (let offset = fromOffset; offset < sizeBytes; offset += piece.length) {
        const bytes = piece.subarray(0, Math.min(piece.length, sizeBytes - offset));
        const count = await file.read(bytes, offset);
        if (count !== bytes.length) {
          throw new ForeignChangeError(`Cannot sync the end of "${this.#paths.activeName}": another program truncated it`);
        }
        const written = await file.overwrite(bytes, offset);
        if (written !== bytes.length) throw new ShortWriteError(bytes.length, written);
      }
      await file.datasync();
      return (await file.status()).inode;
    });
  }
}

/**
 * Recovers a log and replays it.
 *
 * @returns undefined if there is no log of that name
 * @throws {LogCorruptError} if the files cannot be trusted; nothing has been changed then
 */
export async function recoverLog(
  disk: Disk, paths: LogPaths, options: ScanOptions, logger: Logger,
): Promise<RecoveredLog | undefined> {
  const found = await scanLog(disk, paths, options);
  return found && (await new CrashRepair(disk, paths, logger, found).run());
}
