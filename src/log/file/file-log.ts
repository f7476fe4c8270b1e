/**
 * A log in files: one writer, one batch in flight, one write and one sync for it. Everything is refused that cannot be
 * promised: see the states in `log.ts`.
 */
import { AppError, isErrno } from '../../base/app-error.js';
import type { TextPlace } from '../../base/text-place.js';
import type { Clock } from '../../base/clock.js';
import { invariant } from '../../base/invariant.js';
import type { Logger } from '../../base/logger.js';
import { AppendNotice } from '../append-notice.js';
import { encodeBatch, type EncodedBatch } from '../batch-encoder.js';
import { LineClock } from '../line-clock.js';
import { encodeSealLine } from '../line-format.js';
import { WrongLastSeqError } from '../log-errors.js';
import type { AppendedLine, LineDraft, Log, LogBase, LogLine, LogOptions, LogPosition, LogState, ReadRange } from '../log.js';
import { ActiveSegment, isRoomError } from './active-segment.js';
import type { Disk } from '../../disk/disk.js';
import { HeadKeeper } from './head-keeper.js';
import { type LogPaths, segmentName } from './log-paths.js';
import { LogReadings } from './log-readings.js';
import type { RecoveredLog } from './recovery.js';
import { RoomWaiting } from './room-probe.js';
import { activateNextSegment, nameSealedSegment, prepareNextSegment } from './rotation.js';
import { FileSealedSegments } from './sealed-segments.js';

/** How old the last look at the file may be before another batch is written, in milliseconds. */
const FOREIGN_CHANGE_CHECK_MS = 1000;
/** A sync that takes longer is told to the operator, in milliseconds. */
const SLOW_SYNC_MS = 1000;
/** After a rotation that failed, how long lines go to the old segment before another try, in milliseconds. */
const ROTATION_RETRY_MS = 5000;

/** What a file log is handed by its home. */
export interface FileLogContext {
  readonly disk: Disk;
  readonly paths: LogPaths;
  readonly clock: Clock;
  readonly logger: Logger;
  /** How often a log that found the disk full tries again, in milliseconds; undefined for the usual. */
  readonly probeIntervalMs?: number | undefined;
}

/** A log in files. */
export class FileLog implements Log {
  readonly project: string;
  readonly logId: string;
  readonly base: LogBase | undefined;
  readonly sealed: FileSealedSegments;
  readonly #context: FileLogContext;
  readonly #lineClock: LineClock;
  readonly #head: HeadKeeper;
  readonly #notice = new AppendNotice();
  #options: LogOptions;
  #segment: ActiveSegment;
  #state: LogState = 'writable';
  /** The last accepted line. */
  #end: LogPosition;
  /** The last line that is known to be on disk; behind `#end` only under `interval` and `os`. */
  #synced: LogPosition;
  #inFlight: Promise<unknown> | undefined;
  #checkedAtMs: number;
  #rotateNotBeforeMs = 0;
  /** True for ever once the disk has lost its word; `#state` may say `closed` all the same. */
  #hasFailed = false;
  /** The sync in flight. Two at a time could hide that one of them failed: the system tells a failure once. */
  #syncing: Promise<void> = Promise.resolve();
  readonly #room: RoomWaiting;
  readonly #readings: LogReadings;
  #syncTimer: NodeJS.Timeout | undefined;

  private constructor(
    context: FileLogContext, recovered: RecoveredLog, parts: { readonly segment: ActiveSegment; readonly options: LogOptions },
  ) {
    const { paths, clock, logger } = context;
    this.project = paths.project;
    this.logId = recovered.logId;
    this.#context = context;
    this.#options = parts.options;
    this.#segment = parts.segment;
    this.base = recovered.base;
    this.#end = recovered.end;
    this.#synced = recovered.end;
    this.#checkedAtMs = clock.monotonicMs();
    this.#lineClock = new LineClock(clock, (fromMs, toMs) => {
      logger.warn({ project: this.project, from_ms: fromMs, to_ms: toMs }, 'the clock went back; lines carry the true time from here on');
    });
    this.#lineClock.resume(recovered.lastTimeMs);
    this.#head = new HeadKeeper(context.disk, paths, { logId: recovered.logId, logger });
    this.#readings = this.#makeReadings();
    this.sealed = new FileSealedSegments(context.disk, paths, { segments: recovered.sealed, readings: this.#readings });
    this.#room = new RoomWaiting(context.disk, paths, {
      intervalMs: context.probeIntervalMs, logger, isWanted: () => this.#state === 'read_only', onRoom: () => this.#becomeWritable(),
    });
  }

  #makeReadings(): LogReadings {
    return new LogReadings(this.#context.disk, this.#context.paths, {
      logId: this.logId,
      segments: () => [...this.sealed.readable(), { firstSeq: this.#segment.firstSeq, form: 'active' }],
      activeBytes: () => this.#segment.sizeBytes,
      end: () => this.#end,
      isClosed: () => this.#state === 'closed',
    });
  }

  /**
   * Opens a log that recovery has found sound.
   *
   * @param context disk, paths, clocks, logger
   * @param recovered what recovery found
   * @param options how it writes
   * @returns the log, its head written
   */
  static async open(context: FileLogContext, recovered: RecoveredLog, options: LogOptions): Promise<FileLog> {
    const segment = await ActiveSegment.open(context.disk, context.paths.active, recovered.active);
    const log = new FileLog(context, recovered, { segment, options });
    await log.#head.start(recovered.head, recovered.end);
    return log;
  }

  position(): LogPosition {
    return this.#end;
  }

  state(): LogState {
    return this.#state;
  }

  configure(options: LogOptions): void {
    this.#options = options;
  }

  async append(drafts: readonly LineDraft[], expectedLastSeq: number): Promise<readonly AppendedLine[]> {
    invariant(drafts.length > 0, 'a batch has a line');
    invariant(this.#inFlight === undefined, 'one append is in flight at a time');
    this.#refuseUnlessWritable();
    if (expectedLastSeq !== this.#end.seq) throw new WrongLastSeqError(expectedLastSeq, this.#end.seq);
    const work = this.#append(drafts);
    this.#inFlight = work;
    try {
      return await work;
    } finally {
      this.#inFlight = undefined;
    }
  }

  async #append(drafts: readonly LineDraft[]): Promise<readonly AppendedLine[]> {
    await this.#refuseForeignChange();
    await this.#rotateIfDue();
    // Only now is it known where the lines will stand.
    const start = { segment: this.#segment.firstSeq, offset: this.#segment.sizeBytes };
    const batch = encodeBatch(drafts, { ...this.#end, durable: this.#synced.seq }, { clock: this.#lineClock, start });
    const bytes = Buffer.from(batch.text);
    await this.#write(bytes);
    if (this.#options.durability === 'fsync') await this.#sync(batch.end);
    if (this.#hasFailed) throw outcomeUnknown('the disk failed to make earlier lines durable');
    this.#accept(batch, bytes.length);
    return batch.lines;
  }

  #refuseUnlessWritable(): void {
    if (this.#state === 'closed') throw new AppError('shutting_down', 'Cannot append to the log: it is closed');
    if (this.#state === 'failed') {
      throw new AppError('log_failed', 'Cannot append to the log: it has failed and takes nothing until the server is started again');
    }
    if (this.#state === 'read_only') throw new AppError('disk_full', 'Cannot append to the log: the disk is full');
  }

  /** A file that somebody else changed is not written to: two writers would destroy it. */
  async #refuseForeignChange(): Promise<void> {
    const nowMs = this.#context.clock.monotonicMs();
    if (nowMs - this.#checkedAtMs < FOREIGN_CHANGE_CHECK_MS) return;
    const change = await this.#segment.findForeignChange();
    this.#checkedAtMs = nowMs;
    if (change === undefined) return;
    this.#fail(new Error(change));
    throw new AppError('log_failed', 'Cannot append to the log: its file was changed by somebody else');
  }

  async #write(bytes: Buffer): Promise<void> {
    try {
      await this.#segment.append(bytes);
    } catch (error) {
      await this.#takeBack(error);
      this.#becomeReadOnly(error);
      throw new AppError('disk_full', 'Cannot append to the log: the disk is full', { cause: error });
    }
  }

  /** Cuts off a write that did not succeed; without that nobody can say what a restart would find. */
  async #takeBack(error: unknown): Promise<void> {
    try {
      if (!isRoomError(error)) throw error;
      await this.#segment.cutBack();
    } catch (cause) {
      this.#fail(cause);
      throw outcomeUnknown('the disk failed while they were written', cause);
    }
  }

  /** Makes everything up to `end` durable. A sync that fails is never tried again: what it covered is unknown for ever. */
  async #sync(end: LogPosition): Promise<void> {
    const sync = this.#syncing.then(() => this.#syncNow(end));
    this.#syncing = sync.catch(() => undefined);
    await sync;
  }

  async #syncNow(end: LogPosition): Promise<void> {
    if (this.#hasFailed) throw outcomeUnknown('the disk failed to make earlier lines durable');
    const startMs = this.#context.clock.monotonicMs();
    try {
      await this.#segment.datasync();
    } catch (cause) {
      this.#fail(cause);
      throw outcomeUnknown('the disk failed to make them durable', cause);
    }
    const durationMs = this.#context.clock.monotonicMs() - startMs;
    if (durationMs > SLOW_SYNC_MS) {
      this.#context.logger.warn({ project: this.project, duration_ms: Math.round(durationMs) }, 'a sync of the log was slow');
    }
    // A sync behind the answers may have been asked for before a newer one.
    if (end.seq <= this.#synced.seq) return;
    this.#synced = end;
    this.#head.note(end);
  }

  #accept(batch: EncodedBatch, byteCount: number): void {
    this.#segment.accept(byteCount);
    this.#end = batch.end;
    this.#notice.wake();
    if (this.#options.durability === 'interval') this.#syncLater();
  }

  #syncLater(): void {
    this.#syncTimer ??= setTimeout(() => {
      this.#syncTimer = undefined;
      if (this.#state !== 'writable' && this.#state !== 'read_only') return;
      // The failure is recorded in the state; there is nobody to answer any more.
      this.#sync(this.#end).catch((error: unknown) => this.#context.logger.debug({ err: error }, 'a sync behind the answers failed'));
    }, this.#options.syncIntervalMs);
  }

  #fail(cause: unknown): void {
    this.#hasFailed = true;
    if (this.#state !== 'closed') this.#state = 'failed';
    this.#room.stop();
    this.#context.logger.error(
      { project: this.project, err: cause }, 'the log has failed: writes are refused until the server is started again, reads go on',
    );
    this.#notice.wake();
  }

  #becomeReadOnly(cause: unknown): void {
    if (this.#state === 'closed') return;
    this.#state = 'read_only';
    this.#context.logger.error(
      { project: this.project, err: cause }, 'the disk is full: writes are refused until there is room, reads go on',
    );
    this.#room.start();
  }

  #becomeWritable(): void {
    this.#state = 'writable';
    this.#context.logger.info({ project: this.project }, 'there is room on the disk again: writes are taken');
  }

  async #rotateIfDue(): Promise<void> {
    const isEmpty = this.#end.seq < this.#segment.firstSeq;
    if (this.#segment.sizeBytes < this.#options.segmentBytes || isEmpty) return;
    if (this.#context.clock.monotonicMs() < this.#rotateNotBeforeMs) return;
    const { disk, paths, logger } = this.#context;
    const header = { project: this.project, logId: this.logId, firstSeq: this.#end.seq + 1, previousHash: this.#end.hash };
    try {
      const nextBytes = await prepareNextSegment(disk, paths, header);
      const sealBytes = await this.#seal();
      await this.#activate(nextBytes, sealBytes);
    } catch (error) {
      if (this.#state !== 'writable') throw error;
      this.#rotateNotBeforeMs = this.#context.clock.monotonicMs() + ROTATION_RETRY_MS;
      logger.warn({ project: this.project, err: error }, 'the active segment could not be sealed; it is used on');
    }
  }

  /** Ends the active segment and gives it its second name; undone when the name cannot be given. The seal's length in bytes. */
  async #seal(): Promise<number> {
    const { disk, paths } = this.#context;
    const seal = { sealedName: segmentName(this.#segment.firstSeq), nextSeq: this.#end.seq + 1, nextName: paths.activeName };
    const bytes = Buffer.from(encodeSealLine(seal, this.#end.hash));
    try {
      await this.#segment.append(bytes);
    } catch (error) {
      await this.#takeBack(error);
      throw error;
    }
    await this.#sync(this.#end);
    try {
      await nameSealedSegment(disk, paths, this.#segment.firstSeq);
    } catch (error) {
      if (isErrno(error, 'ENOSPC', 'EDQUOT', 'EMFILE', 'ENFILE', 'EMLINK') && (await this.#isFree(paths.inFolder(seal.sealedName)))) {
        await this.#takeBack(error);
        throw error;
      }
      this.#fail(error);
      throw new AppError('log_failed', 'Cannot append to the log: a sealed segment could not be named', { cause: error });
    }
    // The head must not lag behind a sealed segment: recovery proves only the active one anew.
    await this.#head.flush();
    return bytes.length;
  }

  /** Whether a name is certainly not taken. */
  async #isFree(path: string): Promise<boolean> {
    try {
      return (await this.#context.disk.status(path)) === undefined;
    } catch {
      return false;
    }
  }

  async #activate(nextBytes: number, sealBytes: number): Promise<void> {
    const { disk, paths } = this.#context;
    const { firstSeq } = this.#segment;
    const sizeBytes = this.#segment.sizeBytes + sealBytes;
    try {
      await activateNextSegment(disk, paths);
      const next = await ActiveSegment.open(disk, paths.active, { firstSeq: this.#end.seq + 1, sizeBytes: nextBytes });
      await this.#segment.close();
      this.#segment = next;
    } catch (error) {
      // The seal is on disk, so nothing may be appended to the old segment; the next start finishes the rotation.
      this.#fail(error);
      throw new AppError('log_failed', 'Cannot append to the log: the next segment could not be put in place', { cause: error });
    }
    this.sealed.add({ firstSeq, lastSeq: this.#end.seq, sizeBytes, storedBytes: sizeBytes, isCompressed: false });
  }

  read(range: ReadRange): AsyncGenerator<LogLine> {
    return this.#readings.read(range);
  }

  follow(range: ReadRange): AsyncGenerator<LogLine> {
    return this.#readings.follow(range, this.#notice);
  }

  async readText(place: TextPlace): Promise<Buffer> {
    return await this.#readings.readText(place);
  }

  async sync(): Promise<void> {
    if (this.#synced.seq >= this.#end.seq) return;
    if (this.#state === 'closed' || this.#state === 'failed') this.#refuseUnlessWritable();
    await this.#sync(this.#end);
  }

  async close(): Promise<void> {
    if (this.#state === 'closed') return;
    this.#state = 'closed';
    this.#room.stop();
    clearTimeout(this.#syncTimer);
    await Promise.allSettled([this.#inFlight]);
    clearTimeout(this.#syncTimer);
    this.#notice.wake();
    try {
      await this.#syncing;
      if (!this.#hasFailed && this.#synced.seq < this.#end.seq) await this.#sync(this.#end);
    } finally {
      await this.#head.close();
      await this.#segment.close();
      await this.#readings.close();
    }
  }
}

function outcomeUnknown(why: string, cause?: unknown): AppError {
  return new AppError('outcome_unknown', `Cannot say whether the lines were appended: ${why}`, { cause });
}
