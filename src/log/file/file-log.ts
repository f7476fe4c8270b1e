/**
 * A log in files: one writer, one batch in flight, one write and one sync per batch. It refuses whatever it cannot promise; see the
 * states in `log.ts`.
 */
import { AppError } from '../../base/app-error.js';
import type { TextPlace } from '../../base/text-place.js';
import type { Clock } from '../../base/clock.js';
import { invariant } from '../../base/invariant.js';
import type { Logger } from '../../base/logger.js';
import { encodeBatch, type EncodedBatch } from '../batch-encoder.js';
import { REDACT } from '../erased-lines.js';
import { LineClock } from '../line-clock.js';
import { formatOf } from '../log-format.js';
import { logFailed, outcomeUnknown, WrongLastSeqError } from '../log-errors.js';
import type { LogObserver } from '../log-observer.js';
import type { ReadRange, ScannedLines, ScanRange } from '../event-lines.js';
import type { FixedLog } from '../fixed-log.js';
import type { AppendedLine, AppendOptions, LineDraft, Log, LogBase, LogLine, LogOptions, LogPosition, LogState } from '../log.js';
import type { Disk } from '../../disk/disk.js';
import { faultOf, ForeignChangeError } from '../../disk/disk-fault.js';
import { NotOpenedError } from '../../disk/held-file.js';
import type { IdleFiles } from '../../disk/idle-files.js';
import { HeadKeeper } from './head-keeper.js';
import type { LogPaths } from './log-paths.js';
import { OpenLogReader } from './reading/open-log-reader.js';
import type { RecoveredLog } from './recovery/recovery.js';
import { ActiveSegment, type SegmentExtent } from './segment/active-segment.js';
import { FileSealedSegments } from './segment/sealed-segments.js';
import { SegmentSealing } from './segment-sealing.js';
import { SpaceProbe } from './space-probe.js';
import { LOG_DEFECT, SyncKeeper } from './sync-keeper.js';

/**
 * How old the last check of the file may be when a batch is written, in milliseconds. Each batch ends with a check, so this concerns
 * the first batch after a pause, which must not go into a file that another program has taken over meanwhile.
 */
const CHECK_LIFETIME_MS = 1000;

/** What a file log gets from its home. */
export interface FileLogContext {
  readonly disk: Disk;
  readonly paths: LogPaths;
  readonly clock: Clock;
  readonly logger: Logger;
  /** Closes files that are not in use. */
  readonly idleFiles: IdleFiles;
  /** Interval at which a log on a full disk tests for free space, in milliseconds. */
  readonly probeIntervalMs?: number | undefined;
  readonly observer?: LogObserver | undefined;
}

/** A log in files. */
export class FileLog implements Log {
  readonly project: string;
  readonly logId: string;
  readonly base: LogBase | undefined;
  readonly sealed: FileSealedSegments;
  readonly #context: FileLogContext;
  readonly clock: LineClock;
  readonly #head: HeadKeeper;
  #options: LogOptions;
  #segment: ActiveSegment;
  #state: LogState = 'writable';
  #reportState: () => void = () => undefined;
  /** The last accepted line. */
  #end: LogPosition;
  #inFlight: Promise<unknown> | undefined;
  #checkedAtMs: number;
  /** Set permanently when the log fails, even if `#state` is `closed`. */
  #hasFailed = false;
  readonly #syncs: SyncKeeper;
  readonly #sealing: SegmentSealing;
  readonly #probe: SpaceProbe;
  readonly #reader: OpenLogReader;

  private constructor(context: FileLogContext, recovered: RecoveredLog, options: LogOptions) {
    const { paths, clock, logger } = context;
    this.project = paths.project;
    this.logId = recovered.logId;
    this.#context = context;
    this.#options = options;
    this.#segment = this.#segmentOf(recovered.active);
    this.base = recovered.base;
    this.#end = recovered.end;
    this.#checkedAtMs = clock.monotonicMs();
    this.clock = new LineClock(clock, (fromMs, toMs) => {
      logger.warn({ project: this.project, from_ms: fromMs, to_ms: toMs }, 'the clock went back; lines carry the true time from now on');
    });
    this.clock.resume(recovered.lastTimeMs);
    this.#head = new HeadKeeper(context.disk, paths.head, recovered.logId, logger);
    this.#syncs = this.#makeSyncs();
    this.#sealing = this.#makeSealing();
    this.#reader = this.#makeReader();
    this.sealed = new FileSealedSegments(context.disk, paths, recovered.sealed, this.#reader);
    this.#probe = new SpaceProbe(context.disk, paths, {
      intervalMs: context.probeIntervalMs, logger, isWanted: () => this.#state === 'read_only', onSpace: () => this.#becomeWritable(),
    });
  }

  #segmentOf(extent: SegmentExtent): ActiveSegment {
    const { disk, paths, idleFiles } = this.#context;
    return new ActiveSegment(disk, paths.active, idleFiles, extent);
  }

  #makeSyncs(): SyncKeeper {
    const { clock, logger, observer } = this.#context;
    return new SyncKeeper({
      project: this.project,
      clock,
      logger,
      observer,
      end: () => ({ end: this.#end, segment: this.#segment }),
      hasFailed: () => this.#hasFailed,
      onFailed: (cause) => this.#fail(cause),
      onSynced: (end) => this.#head.note(end),
    }, this.#end);
  }

  #makeSealing(): SegmentSealing {
    const { project, logId, base } = this;
    return new SegmentSealing(this.#context, {
      project, logId, base,
      end: () => ({ end: this.#end, segment: this.#segment }),
      hasFailed: () => this.#hasFailed,
      fail: (cause) => this.#fail(cause),
      takeBack: (bytes, error) => this.#takeBack(bytes, error),
      answerFor: (error) => this.#answerFor(error),
      advance: (next, sealed) => {
        this.#segment = this.#segmentOf(next);
        if (sealed !== undefined) this.sealed.add(sealed);
      },
    }, this.#syncs, this.#head);
  }

  #makeReader(): OpenLogReader {
    const { disk, paths, idleFiles } = this.#context;
    return new OpenLogReader(disk, paths, idleFiles, {
      logId: this.logId,
      sealed: () => this.sealed.list(),
      active: () => this.#segment, end: () => this.#end, isClosed: () => this.#state === 'closed',
    });
  }

  /** Opens a recovered log. */
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

  async append(drafts: readonly LineDraft[], expectedLastSeq: number, options: AppendOptions = {}): Promise<readonly AppendedLine[]> {
    invariant(drafts.length > 0, 'a batch has a line');
    invariant(this.#inFlight === undefined, 'one append is in flight at a time');
    this.#refuseUnlessWritable();
    if (expectedLastSeq !== this.#end.seq) throw new WrongLastSeqError(expectedLastSeq, this.#end.seq);
    const isDurable = options.isDurable === true || this.#options.durability === 'fsync';
    const work = this.#append(drafts, { ...options, isDurable });
    this.#inFlight = work;
    try {
      return await work;
    } finally {
      this.#inFlight = undefined;
    }
  }

  async #append(
    drafts: readonly LineDraft[], { isDurable, beginsSegment, timeMs = this.clock.now() }: AppendOptions,
  ): Promise<readonly AppendedLine[]> {
    await this.#checkIfDue();
    if (beginsSegment) await this.#sealing.seal(formatOf(drafts));
    else await this.#sealing.sealIfDue(formatOf(drafts), this.#options.segmentBytes);
    // Only after the rotation is the place of the lines known.
    const start = { segment: this.#segment.firstSeq, offset: this.#segment.sizeBytes };
    const batch = encodeBatch(drafts, { ...this.#end, durable: this.#syncs.synced.seq }, timeMs, start);
    const bytes = Buffer.from(batch.text);
    try {
      await this.#segment.append(bytes);
      this.#checkedAtMs = this.#context.clock.monotonicMs();
      if (isDurable) await this.#syncs.sync(this.#segment, batch.end);
      if (this.#hasFailed) throw outcomeUnknown('the disk failed to make earlier lines durable');
    } catch (error) {
      await this.#takeBack(bytes, error);
      throw this.#answerFor(error);
    }
    this.#accept(batch, bytes);
    if (drafts.some(({ op }) => op === REDACT)) this.#reader.forgetNewest();
    return batch.lines;
  }

  #refuseUnlessWritable(): void {
    if (this.#state === 'closed') throw new AppError('shutting_down', 'Cannot append to the log: it is closed');
    if (this.#state === 'failed') throw logFailed('it has failed and refuses writes until the server is restarted');
    if (this.#state === 'read_only') throw new AppError('disk_full', 'Cannot append to the log: the disk is full');
  }

  async #checkIfDue(): Promise<void> {
    const nowMs = this.#context.clock.monotonicMs();
    if (nowMs - this.#checkedAtMs < CHECK_LIFETIME_MS) return;
    try {
      await this.#segment.check();
      this.#checkedAtMs = nowMs;
    } catch (error) {
      if (!(error instanceof ForeignChangeError)) throw this.#answerFor(error);
      this.#fail(error);
      throw logFailed('another program changed its file', error);
    }
  }

  /**
   * Cuts the file back to its accepted bytes after a batch or a seal that failed. If that is impossible, or the disk has failed, the
   * outcome is unknown until the next startup, and the log fails.
   */
  async #takeBack(bytes: Buffer, error: unknown): Promise<void> {
    if (this.#hasFailed) throw error instanceof AppError ? error : outcomeUnknown('the disk failed to make earlier lines durable', error);
    if (error instanceof NotOpenedError && !this.#segment.isCutDue) return;
    try {
      if (faultOf(error) === 'disk') throw error;
      await this.#syncs.inTurn(() => this.#segment.cutBack(bytes));
    } catch (cause) {
      if (!this.#hasFailed) this.#fail(cause);
      throw outcomeUnknown('its file could not be cut back', cause);
    }
  }

  /** Returns the error for lines that were not written, or were cut off again. */
  #answerFor(error: unknown): unknown {
    const { logger } = this.#context;
    const fault = faultOf(error);
    if (fault === 'space' && !(error instanceof NotOpenedError)) {
      this.#becomeReadOnly(error);
      return new AppError('disk_full', 'Cannot append to the log: the disk is full', { cause: error });
    }
    if (fault === 'defect') {
      logger.error({ project: this.project, err: error }, LOG_DEFECT);
      return error;
    }
    logger.warn({ project: this.project, err: error }, 'refused a batch: the operating system cannot open or write the log file now');
    return new AppError('disk_failed', 'Cannot append to the log: the system cannot open or write its file now', { cause: error });
  }

  #accept(batch: EncodedBatch, bytes: Buffer): void {
    this.#segment.accept(bytes.length);
    this.#reader.kept?.add(batch, bytes, this.#end.hash);
    this.#end = batch.end;
    this.#context.observer?.appended(this.project, batch.lines, bytes.length);
    if (this.#syncs.synced.seq < this.#end.seq) this.#syncs.later(this.#options);
  }

  #enter(state: LogState): void {
    this.#state = state;
    this.#reportState();
  }

  #fail(cause: unknown): void {
    this.#hasFailed = true;
    if (this.#state !== 'closed') this.#enter('failed');
    this.#probe.stop();
    if (cause instanceof ForeignChangeError) this.#head.abandon();
    const consequence = 'the log has failed: writes are refused until the server is restarted, reads continue';
    const isDefect = faultOf(cause) === 'defect';
    this.#context.logger.error(
      { project: this.project, err: cause }, isDefect ? `${consequence}; this is a defect of the server, not of the disk` : consequence,
    );
  }

  #becomeReadOnly(cause: unknown): void {
    if (this.#state === 'closed' || this.#hasFailed) return;
    this.#enter('read_only');
    this.#context.logger.error(
      { project: this.project, err: cause }, 'the disk is full: writes are refused until there is space, reads continue',
    );
    this.#probe.start();
  }

  #becomeWritable(): void {
    this.#enter('writable');
    this.#context.logger.info({ project: this.project }, 'the disk has space again: writes are accepted');
  }

  read(range: ReadRange): AsyncGenerator<LogLine> {
    return this.#reader.read(range);
  }

  firstSeq(): number {
    return this.#reader.firstSeq;
  }

  scan(range: ScanRange): AsyncGenerator<ScannedLines, void, undefined> {
    return this.#reader.scan(range);
  }

  newest(range: ScanRange): ScannedLines | undefined {
    return this.#reader.newest(range);
  }

  keepNewest(isWanted: boolean): void {
    this.#reader.keepNewest(isWanted);
  }

  async readText(place: TextPlace, isAgain = false): Promise<Buffer> {
    return await this.#reader.readText(place, isAgain);
  }

  nameOf(segment: number): string | undefined {
    return this.#reader.nameOf(segment);
  }

  extent(): FixedLog {
    return this.#reader.extentOf(this.base);
  }

  async sync(): Promise<void> {
    if (this.#syncs.synced.seq >= this.#end.seq) return;
    if (this.#state === 'closed' || this.#state === 'failed') this.#refuseUnlessWritable();
    await this.#syncs.sync(this.#segment, this.#end);
  }

  async close(): Promise<void> {
    if (this.#state === 'closed') return;
    this.#enter('closed');
    this.#probe.stop();
    await Promise.allSettled([this.#inFlight]);
    this.#syncs.end();
    try {
      await this.#syncs.settle();
      if (!this.#hasFailed) await this.#syncs.sync(this.#segment, this.#end);
    } finally {
      await this.#head.close();
      await this.#segment.close();
      await this.#reader.close();
    }
  }
}
