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
import type { Disk } from '../../disk/disk.js';
import { faultOf, ForeignChangeError } from '../../disk/disk-fault.js';
import { NotOpenedError } from '../../disk/held-file.js';
import type { IdleFiles } from '../../disk/idle-files.js';
import { ActiveSegment, type SegmentExtent } from './segment/active-segment.js';
import { HeadKeeper } from './head-keeper.js';
import { type LogPaths, segmentName } from './log-paths.js';
import { OpenLogReader } from './reading/open-log-reader.js';
import type { RecoveredLog } from './recovery/recovery.js';
import { RoomProbe } from './room-probe.js';
import { Rotation } from './segment/rotation.js';
import { FileSealedSegments } from './segment/sealed-segments.js';
import { SyncKeeper } from './sync-keeper.js';
import { DEFECT_TOLD, logFailed, outcomeUnknown } from './write-fault.js';

/**
 * How old the last look at the file may be before another batch is written, in milliseconds. Each batch is followed by a look, so this
 * concerns the first one after a pause: it must not be written into a file that another program has taken over meanwhile.
 */
const LOOK_LIFETIME_MS = 1000;
/** After a rotation that failed, how long lines go to the old segment before another try, in milliseconds. */
const ROTATION_RETRY_MS = 5000;

/** What a file log is handed by its home. */
export interface FileLogContext {
  readonly disk: Disk;
  readonly paths: LogPaths;
  readonly clock: Clock;
  readonly logger: Logger;
  /** Closes files that are not used. */
  readonly idleFiles: IdleFiles;
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
  #reportState: () => void = () => undefined;
  /** The last accepted line. */
  #end: LogPosition;
  #inFlight: Promise<unknown> | undefined;
  #lookedAtMs: number;
  #rotateNotBeforeMs = 0;
  /** Set permanently after a failed sync; `#state` may say `closed` all the same. */
  #hasFailed = false;
  readonly #syncs: SyncKeeper;
  readonly #room: RoomProbe;
  readonly #readings: OpenLogReader;

  private constructor(context: FileLogContext, recovered: RecoveredLog, options: LogOptions) {
    const { paths, clock, logger } = context;
    this.project = paths.project;
    this.logId = recovered.logId;
    this.#context = context;
    this.#options = options;
    this.#segment = this.#segmentOf(recovered.active);
    this.base = recovered.base;
    this.#end = recovered.end;
    this.#lookedAtMs = clock.monotonicMs();
    this.#lineClock = new LineClock(clock, (fromMs, toMs) => {
      logger.warn({ project: this.project, from_ms: fromMs, to_ms: toMs }, 'the clock went back; lines carry the true time from here on');
    });
    this.#lineClock.resume(recovered.lastTimeMs);
    this.#head = new HeadKeeper(context.disk, paths, { logId: recovered.logId, logger });
    this.#syncs = this.#makeSyncs();
    this.#readings = this.#makeReadings();
    this.sealed = new FileSealedSegments(context.disk, paths, { segments: recovered.sealed, readings: this.#readings });
    this.#room = new RoomProbe(context.disk, paths, {
      intervalMs: context.probeIntervalMs, logger, isWanted: () => this.#state === 'read_only', onRoom: () => this.#becomeWritable(),
    });
  }

  #segmentOf(extent: SegmentExtent): ActiveSegment {
    const { disk, paths, idleFiles } = this.#context;
    return new ActiveSegment({ disk, path: paths.active, idleFiles }, extent);
  }

  #makeSyncs(): SyncKeeper {
    const { clock, logger } = this.#context;
    return new SyncKeeper({
      project: this.project,
      clock,
      logger,
      end: () => ({ end: this.#end, segment: this.#segment }),
      hasFailed: () => this.#hasFailed,
      onFailed: (cause) => this.#fail(cause),
      onSynced: (end) => this.#head.note(end),
    }, this.#end);
  }

  #makeReadings(): OpenLogReader {
    const { disk, paths, idleFiles } = this.#context;
    return new OpenLogReader({ disk, paths, idleFiles }, {
      logId: this.logId,
      segments: () => [...this.sealed.readable(), { firstSeq: this.#segment.firstSeq, form: 'active' }],
      activeBytes: () => this.#segment.sizeBytes,
      end: () => this.#end,
      isClosed: () => this.#state === 'closed',
    });
  }

  /** Opens a log that recovery has found sound. */
  static async open(context: FileLogContext, recovered: RecoveredLog, options: LogOptions): Promise<FileLog> {
    const log = new FileLog(context, recovered, options);
    await log.#head.start(recovered.head, recovered.end);
    return log;
  }

  position(): LogPosition {
    return this.#end;
  }

  state(): LogState {
    return this.#state;
  }

  onStateChange(listener: () => void): void {
    this.#reportState = listener;
  }

  configure(options: LogOptions): void {
    this.#options = options;
    this.#syncs.configure(options);
  }

  async append(drafts: readonly LineDraft[], expectedLastSeq: number, { isDurable = false } = {}): Promise<readonly AppendedLine[]> {
    invariant(drafts.length > 0, 'a batch has a line');
    invariant(this.#inFlight === undefined, 'one append is in flight at a time');
    this.#refuseUnlessWritable();
    if (expectedLastSeq !== this.#end.seq) throw new WrongLastSeqError(expectedLastSeq, this.#end.seq);
    const work = this.#append(drafts, isDurable || this.#options.durability === 'fsync');
    this.#inFlight = work;
    try {
      return await work;
    } finally {
      this.#inFlight = undefined;
    }
  }

  async #append(drafts: readonly LineDraft[], isDurable: boolean): Promise<readonly AppendedLine[]> {
    await this.#lookIfDue();
    await this.#rotateIfDue();
    // Only now is it known where the lines will stand.
    const start = { segment: this.#segment.firstSeq, offset: this.#segment.sizeBytes };
    const batch = encodeBatch(drafts, { ...this.#end, durable: this.#syncs.synced.seq }, { clock: this.#lineClock, start });
    const bytes = Buffer.from(batch.text);
    try {
      await this.#segment.append(bytes);
      this.#lookedAtMs = this.#context.clock.monotonicMs();
      if (isDurable) await this.#syncs.sync(this.#segment, batch.end);
      if (this.#hasFailed) throw outcomeUnknown('the disk failed to make earlier lines durable');
    } catch (error) {
      await this.#takeBack(bytes, error);
      throw this.#refusalOf(error);
    }
    this.#accept(batch, bytes.length);
    return batch.lines;
  }

  #refuseUnlessWritable(): void {
    if (this.#state === 'closed') throw new AppError('shutting_down', 'Cannot append to the log: it is closed');
    if (this.#state === 'failed') throw logFailed('it has failed and takes nothing until the server is started again');
    if (this.#state === 'read_only') throw new AppError('disk_full', 'Cannot append to the log: the disk is full');
  }

  async #lookIfDue(): Promise<void> {
    const nowMs = this.#context.clock.monotonicMs();
    if (nowMs - this.#lookedAtMs < LOOK_LIFETIME_MS) return;
    try {
      await this.#segment.check();
      this.#lookedAtMs = nowMs;
    } catch (error) {
      if (!(error instanceof ForeignChangeError)) throw this.#refusalOf(error);
      this.#fail(error);
      throw logFailed('another program changed its file', error);
    }
  }

  /**
   * Brings the file back to what is accepted after a batch or a seal that did not succeed. Where that cannot be done, or the disk has
   * failed, what a restart would find is not known, and the log has failed.
   */
  async #takeBack(bytes: Buffer, error: unknown): Promise<void> {
    if (this.#hasFailed) throw error instanceof AppError ? error : outcomeUnknown('the disk failed to make earlier lines durable', error);
    if (error instanceof NotOpenedError && !this.#segment.isCutDue) return;
    try {
      if (faultOf(error) === 'disk') throw error;
      await this.#syncs.inTurn(() => this.#segment.cutBack(bytes));
    } catch (cause) {
      if (!this.#hasFailed) this.#fail(cause);
      throw outcomeUnknown('the file could not be brought back to what it was', cause);
    }
  }

  /** What to answer for lines that were not written, or were taken back. */
  #refusalOf(error: unknown): unknown {
    const { logger } = this.#context;
    const fault = faultOf(error);
    if (fault === 'room' && !(error instanceof NotOpenedError)) {
      this.#becomeReadOnly(error);
      return new AppError('disk_full', 'Cannot append to the log: the disk is full', { cause: error });
    }
    if (fault === 'defect') {
      logger.error({ project: this.project, err: error }, DEFECT_TOLD);
      return error;
    }
    logger.warn({ project: this.project, err: error }, 'a batch was refused: the system does not open or write the file now');
    return new AppError('disk_failed', 'Cannot append to the log: the system does not open or write its file now', { cause: error });
  }

  #accept(batch: EncodedBatch, byteCount: number): void {
    this.#segment.accept(byteCount);
    this.#end = batch.end;
    this.#notice.wake();
    if (this.#syncs.synced.seq < this.#end.seq) this.#syncs.later(this.#options);
  }

  #enter(state: LogState): void {
    this.#state = state;
    this.#reportState();
  }

  #fail(cause: unknown): void {
    this.#hasFailed = true;
    if (this.#state !== 'closed') this.#enter('failed');
    this.#room.stop();
    if (cause instanceof ForeignChangeError) this.#head.abandon();
    const consequence = 'the log has failed: writes are refused until the server is started again, reads go on';
    const isDefect = faultOf(cause) === 'defect';
    this.#context.logger.error(
      { project: this.project, err: cause }, isDefect ? `${consequence}; this is a defect of the server, not of the disk` : consequence,
    );
    this.#notice.wake();
  }

  #becomeReadOnly(cause: unknown): void {
    if (this.#state === 'closed' || this.#hasFailed) return;
    this.#enter('read_only');
    this.#context.logger.error(
      { project: this.project, err: cause }, 'the disk is full: writes are refused until there is room, reads go on',
    );
    this.#room.start();
  }

  #becomeWritable(): void {
    this.#enter('writable');
    this.#context.logger.info({ project: this.project }, 'there is room on the disk again: writes are taken');
  }

  async #rotateIfDue(): Promise<void> {
    const isEmpty = this.#end.seq < this.#segment.firstSeq;
    if (this.#segment.sizeBytes < this.#options.segmentBytes || isEmpty) return;
    if (this.#context.clock.monotonicMs() < this.#rotateNotBeforeMs) return;
    const { disk, paths, logger } = this.#context;
    try {
      await Rotation.run(disk, paths, (rotation) => this.#rotate(rotation));
    } catch (error) {
      if (this.#hasFailed) throw error;
      this.#rotateNotBeforeMs = this.#context.clock.monotonicMs() + ROTATION_RETRY_MS;
      const level = faultOf(error) === 'defect' ? 'error' : 'warn';
      logger[level]({ project: this.project, err: error }, 'the active segment could not be sealed; it is used on');
    }
  }

  async #rotate(rotation: Rotation): Promise<void> {
    const { firstSeq } = this.#segment;
    const header = { project: this.project, logId: this.logId, firstSeq: this.#end.seq + 1, previousHash: this.#end.hash };
    const next = await rotation.prepare(header);
    const sealBytes = await this.#seal(rotation);
    const sealed = this.#segment;
    const sizeBytes = sealed.sizeBytes + sealBytes;
    try {
      await rotation.activateNext();
    } catch (error) {
      // The seal is on disk, so nothing may be appended to the old segment; the next start finishes the rotation.
      this.#fail(error);
      throw logFailed('the next segment could not be put in place', error);
    }
    this.#segment = this.#segmentOf(next);
    this.sealed.add({ firstSeq, lastSeq: this.#end.seq, sizeBytes, storedBytes: sizeBytes, isCompressed: false });
    // A sync that was asked for before the seal may still wait for its turn: it finds nothing left to do.
    await sealed.close();
  }

  /** Ends the active segment and gives it its second name; undone when the name cannot be given. The seal's length in bytes. */
  async #seal(rotation: Rotation): Promise<number> {
    const { paths } = this.#context;
    const segment = this.#segment;
    const seal = { sealedName: segmentName(segment.firstSeq), nextSeq: this.#end.seq + 1, nextName: paths.activeName };
    const bytes = Buffer.from(encodeSealLine(seal, this.#end.hash));
    try {
      await segment.append(bytes);
      await this.#syncs.syncSeal(segment, this.#end);
      await this.#nameSealed(rotation, paths.inFolder(seal.sealedName));
    } catch (error) {
      await this.#takeBack(bytes, error);
      throw error;
    }
    // The head must not lag behind a sealed segment: recovery proves only the active one anew.
    await this.#head.flush();
    return bytes.length;
  }

  /** Without its name the seal can be taken back; with a name that may be there or not, the log has failed. */
  async #nameSealed(rotation: Rotation, path: string): Promise<void> {
    try {
      await rotation.nameSealed(this.#segment.firstSeq);
    } catch (error) {
      const isPassing = faultOf(error) !== 'disk' || isErrno(error, 'EMLINK');
      if (isPassing && (await this.#isFree(path))) throw error;
      this.#fail(error);
      throw logFailed('a sealed segment could not be named', error);
    }
  }

  /** Whether a name is certainly not taken. */
  async #isFree(path: string): Promise<boolean> {
    try {
      return (await this.#context.disk.status(path)) === undefined;
    } catch {
      return false;
    }
  }

  read(range: ReadRange): AsyncGenerator<LogLine> {
    return this.#readings.read(range);
  }

  follow(range: ReadRange): AsyncGenerator<LogLine> {
    return this.#readings.follow(range, this.#notice);
  }

  async readText(place: TextPlace, isAgain = false): Promise<Buffer> {
    return await this.#readings.readText(place, isAgain);
  }

  nameOf(segment: number): string | undefined {
    return this.#readings.nameOf(segment);
  }

  async sync(): Promise<void> {
    if (this.#syncs.synced.seq >= this.#end.seq) return;
    if (this.#state === 'closed' || this.#state === 'failed') this.#refuseUnlessWritable();
    await this.#syncs.sync(this.#segment, this.#end);
  }

  async close(): Promise<void> {
    if (this.#state === 'closed') return;
    this.#enter('closed');
    this.#room.stop();
    await Promise.allSettled([this.#inFlight]);
    this.#syncs.end();
    this.#notice.wake();
    try {
      await this.#syncs.settle();
      if (!this.#hasFailed) await this.#syncs.sync(this.#segment, this.#end);
    } finally {
      await this.#head.close();
      await this.#segment.close();
      await this.#readings.close();
    }
  }
}
