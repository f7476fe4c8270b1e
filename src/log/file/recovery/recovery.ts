/**
 * Recovery: making sure that what lies on disk is the log that was written, before anything is served from it.
 *
 * Two phases. The first, in `recovery-reading.ts`, reads everything, checks every line against the chain and hands it to the
 * caller, and changes nothing; whatever cannot be trusted ends it with an error. The second heals what a crash may leave behind:
 * it cuts a torn tail (a copy is kept), finishes a rotation, and proves the end of the log to be on disk. Each of its steps can be
 * interrupted and repeated.
 */
import type { Logger } from '../../../base/logger.js';
import type { LogBase, LogPosition, SealedSegment } from '../../log.js';
import { appendAll, changeFolder, type Disk, type DiskFile, ShortWriteError } from '../../../disk/disk.js';
import { ForeignChangeError } from '../../../disk/disk-fault.js';
import type { SegmentExtent } from '../segment/active-segment.js';
import type { HeadReading } from '../head-file.js';
import { isInflatedName, type LogPaths, segmentName } from '../log-paths.js';
import { type ScannedLog, scanLog, type ScanOptions } from './recovery-scan.js';
import { Rotation } from '../segment/rotation.js';
import { keepTornTail } from './torn-tail.js';

/** A log whose bytes are sound. */
export interface RecoveredLog {
  readonly logId: string;
  readonly base: LogBase | undefined;
  /** The last line; everything up to it is on disk. */
  readonly end: LogPosition;
  /** Time of the last line in milliseconds since 1970, 0 for an empty log. */
  readonly lastTimeMs: number;
  /** The sealed segments, oldest first. */
  readonly sealed: readonly SealedSegment[];
  /** The active segment. */
  readonly active: SegmentExtent;
  readonly head: HeadReading;
}

/** How a log is recovered. */
export interface RecoverOptions extends ScanOptions {
  readonly logger: Logger;
}

/** Heals one log that has been read. */
class Healing {
  readonly #disk: Disk;
  readonly #paths: LogPaths;
  readonly #logger: Logger;
  readonly #found: ScannedLog;

  constructor(disk: Disk, paths: LogPaths, parts: { readonly logger: Logger; readonly found: ScannedLog }) {
    this.#disk = disk;
    this.#paths = paths;
    this.#logger = parts.logger;
    this.#found = parts.found;
  }

  async run(): Promise<RecoveredLog> {
    const { logId, base, end, lastTimeMs, sealed, active, head } = this.#found;
    this.#reportDoubled();
    await changeFolder(this.#disk, this.#paths.home, () => this.#disk.makeFolder(this.#paths.folder));
    await changeFolder(this.#disk, this.#paths.folder, () => this.#dropTemporaryFiles());
    const sizeBytes = await this.#healTail();
    const inode = await this.#proveTail(active.unprovenOffset, sizeBytes);
    if (head.damaged) this.#logger.warn({ project: this.#paths.project }, 'the head was missing or damaged; it is written anew');
    const common = { logId, base, end, lastTimeMs, head };
    if (!active.sealed) return { ...common, sealed, active: { firstSeq: active.firstSeq, sizeBytes, inode } };
    const next = await this.#finishRotation();
    const { firstSeq } = active;
    const newest = { firstSeq, lastSeq: end.seq, sizeBytes, storedBytes: sizeBytes, isCompressed: false };
    return { ...common, sealed: [...sealed, newest], active: next };
  }

  async #finishRotation(): Promise<SegmentExtent> {
    const { logId, end, active, secondName } = this.#found;
    this.#logger.info({ project: this.#paths.project, next_seq: end.seq + 1 }, 'a rotation that was interrupted is finished');
    const header = { project: this.#paths.project, logId, firstSeq: end.seq + 1, previousHash: end.hash };
    return await Rotation.run(this.#disk, this.#paths, async (rotation) => {
      const next = await rotation.prepare(header);
      // In a copy of a data folder, the tail that was just proved to be on disk is that of the active file alone.
      if (secondName === 'copy') await this.#disk.unlink(this.#paths.inFolder(segmentName(active.firstSeq)));
      if (secondName !== 'link') await rotation.nameSealed(active.firstSeq);
      await rotation.activateNext();
      return next;
    });
  }

  async #dropTemporaryFiles(): Promise<void> {
    const { next, probe, head, compressing } = this.#paths;
    for (const path of [next, probe, `${head}.tmp`, compressing]) await this.#disk.unlink(path);
    const names = await this.#disk.list(this.#paths.folder);
    for (const name of names.filter(isInflatedName)) await this.#disk.unlink(this.#paths.inFolder(name));
  }

  /** Neither form is removed here: a start reads no segment that a snapshot covers, so it does not know which of them is sound. */
  #reportDoubled(): void {
    const { project } = this.#paths;
    for (const fault of this.#found.damagedForms) this.#logger.warn({ project, ...fault }, DAMAGED_FORM_TOLD);
    const segments = this.#found.sealed.filter(({ isDoubled }) => isDoubled).map(({ firstSeq }) => segmentName(firstSeq));
    if (segments.length > 0) this.#logger.info({ project, segments }, DOUBLED_TOLD);
  }

  /** Cuts a torn tail or gives the last line its line feed; returns the size of the file afterwards. */
  async #healTail(): Promise<number> {
    const { torn, validBytes, lacksLineFeed } = this.#found.active;
    if (torn === undefined && !lacksLineFeed) return validBytes;
    const keptAs = torn && (await keepTornTail(this.#disk, this.#paths, torn));
    const file = await this.#disk.open(this.#paths.active, 'append');
    try {
      await this.#refuseGrowth(file, validBytes + (torn?.bytes.length ?? 0));
      if (torn !== undefined) await file.truncate(validBytes);
      else await appendAll(file, Buffer.from('\n'));
      await file.datasync();
    } finally {
      await file.close();
    }
    const place = { project: this.#paths.project, file: this.#paths.activeName, offset: validBytes, seq: this.#found.end.seq + 1 };
    if (torn !== undefined) {
      const cut = { ...place, bytes: torn.bytes.length, kept_as: keptAs };
      this.#logger.warn(cut, 'a torn tail was cut; nothing shows that any of it had been acknowledged');
    } else this.#logger.warn(place, 'the last line lacked its line feed; it was added');
    return lacksLineFeed ? validBytes + 1 : validBytes;
  }

  /** What is cut was read a moment ago; a file that has changed since is being written by another program, and is not cut. */
  async #refuseGrowth(file: DiskFile, dueBytes: number): Promise<void> {
    const { sizeBytes } = await file.status();
    if (sizeBytes === dueBytes) return;
    const change = `"${this.#paths.activeName}" had ${dueBytes} bytes and has ${sizeBytes} a moment later: another program writes to it`;
    throw new ForeignChangeError(`Cannot heal the log: ${change}; stop it and start again`);
  }

  /**
   * Writes what the head does not prove once more, in place, and syncs it. After a sync that failed, the page cache can hold
   * lines that the disk lacks and believes to have written; reading them back proves nothing, writing them again does.
   */
  async #proveTail(fromOffset: number, sizeBytes: number): Promise<number> {
    const file = await this.#disk.open(this.#paths.active, 'overwrite');
    try {
      const piece = Buffer.allocUnsafe(PROOF_PIECE_BYTES);
      for (let offset = fromOffset; offset < sizeBytes; offset += piece.length) {
        const bytes = piece.subarray(0, Math.min(piece.length, sizeBytes - offset));
        const count = await file.read(bytes, offset);
        if (count !== bytes.length) {
          throw new ForeignChangeError(`Cannot prove the end of "${this.#paths.activeName}": another program cut it meanwhile`);
        }
        const written = await file.overwrite(bytes, offset);
        if (written !== bytes.length) throw new ShortWriteError(bytes.length, written);
      }
      await file.datasync();
      return (await file.status()).inode;
    } finally {
      await file.close();
    }
  }
}

const PROOF_PIECE_BYTES = 1_048_576;
const DAMAGED_FORM_TOLD = 'one form of a segment is damaged; the other one is sound as far as it was read and is used';
const DOUBLED_TOLD = 'segments lie there plain and compressed; a compaction removes one form once it has read the other and found it sound';

/**
 * Recovers a log and replays it.
 *
 * @param options which log it must be, what is known of it, who is given the lines
 * @returns the recovered log, undefined when there is none of that name
 * @throws {LogCorruptError} when what is on disk cannot be trusted; nothing has been changed then
 */
export async function recoverLog(disk: Disk, paths: LogPaths, options: RecoverOptions): Promise<RecoveredLog | undefined> {
  const found = await scanLog(disk, paths, options);
  return found && (await new Healing(disk, paths, { logger: options.logger, found }).run());
}
