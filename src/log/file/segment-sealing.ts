/**
 * Seals the active segment of an open log and activates the next one: when its size or its format is due. The steps on disk are those of
 * `segment/rotation.ts`. A failure before the seal is on disk leaves the old segment in use; a failure after it ends the log.
 */
import { AppError, isErrno } from '../../base/app-error.js';
import { faultOf } from '../../disk/disk-fault.js';
import { logFailed } from '../log-errors.js';
import type { LogFormat } from '../log-format.js';
import type { LogBase, LogPosition, SealedSegment } from '../log.js';
import { encodeSealLine } from '../segment-format.js';
import type { FileLogContext } from './file-log.js';
import type { HeadKeeper } from './head-keeper.js';
import { segmentName } from './log-paths.js';
import type { ActiveSegment, SegmentExtent } from './segment/active-segment.js';
import { Rotation } from './segment/rotation.js';
import type { SyncKeeper } from './sync-keeper.js';

/** After a failed rotation, how long lines go to the old segment before the next attempt, in milliseconds. */
const ROTATION_RETRY_MS = 5000;
const SEALING_FAILED = 'the active segment could not be sealed; it stays in use, and sealing is retried';

/** The open log whose segment is sealed. */
interface SealableLog {
  readonly project: string;
  readonly logId: string;
  readonly base: LogBase | undefined;
  /** The last accepted line, and its segment. */
  end(): { readonly end: LogPosition; readonly segment: ActiveSegment };
  hasFailed(): boolean;
  /** Ends the log. */
  fail(cause: unknown): void;
  /** Cuts the file back after a write that failed. */
  takeBack(bytes: Buffer, error: unknown): Promise<void>;
  /** Returns the error for lines that were not written. */
  answerFor(error: unknown): unknown;
  /** Takes over the next segment; `sealed` is undefined if the old one had no event. */
  advance(next: SegmentExtent, sealed: SealedSegment | undefined): void;
}

/** Seals segments. */
export class SegmentSealing {
  readonly #context: FileLogContext;
  readonly #log: SealableLog;
  readonly #syncs: SyncKeeper;
  readonly #head: HeadKeeper;
  #notBeforeMs = 0;

  constructor(context: FileLogContext, log: SealableLog, syncs: SyncKeeper, head: HeadKeeper) {
    this.#context = context;
    this.#log = log;
    this.#syncs = syncs;
    this.#head = head;
  }

  /**
   * Seals the active segment if it is full, or of an older format than the lines that come.
   *
   * @throws {AppError} if the log has failed, or lines of a newer format cannot be written now
   */
  async sealIfDue(format: LogFormat, segmentBytes: number): Promise<void> {
    const { segment } = this.#log.end();
    const isRaised = format > segment.format;
    const isFull = segment.sizeBytes >= segmentBytes && !this.#isEmpty;
    if (!isRaised && (!isFull || this.#context.clock.monotonicMs() < this.#notBeforeMs)) return;
    await this.#run(isRaised ? format : segment.format, isRaised);
  }

  /**
   * Seals the active segment unless it has no event, so that all lines are in sealed segments.
   *
   * @throws {AppError} if the log has failed, or the segment cannot be sealed now
   */
  async seal(format: LogFormat): Promise<void> {
    const { segment } = this.#log.end();
    if (!this.#isEmpty || format > segment.format) await this.#run(format > segment.format ? format : segment.format, true);
  }

  async #run(format: LogFormat, isNeeded: boolean): Promise<void> {
    const { disk, paths, clock, logger } = this.#context;
    try {
      await Rotation.run(disk, paths, (rotation) => this.#rotate(rotation, format));
    } catch (error) {
      if (this.#log.hasFailed()) throw error instanceof AppError ? error : logFailed('the disk failed while its segment was sealed', error);
      // A reader of an older format would take the lines for damage; and only lines of sealed segments are ever erased.
      if (isNeeded) throw this.#log.answerFor(error);
      this.#notBeforeMs = clock.monotonicMs() + ROTATION_RETRY_MS;
      logger[faultOf(error) === 'defect' ? 'error' : 'warn']({ project: this.#log.project, err: error }, SEALING_FAILED);
    }
  }

  /** Whether the active segment has no event. Such a segment is never sealed, only replaced. */
  get #isEmpty(): boolean {
    const { end, segment } = this.#log.end();
    return end.seq < segment.firstSeq;
  }

  async #rotate(rotation: Rotation, format: LogFormat): Promise<void> {
    const { project, logId, base } = this.#log;
    const { end, segment: replaced } = this.#log.end();
    const header = { format, project, logId, firstSeq: end.seq + 1, previousHash: end.hash };
    // The first segment of a log with a base names it, also in the place of one without an event.
    const next = await rotation.prepare(base?.seq === end.seq ? { ...header, base: base.digest } : header);
    const sizeBytes = this.#isEmpty ? 0 : replaced.sizeBytes + (await this.#seal(rotation));
    try {
      await rotation.activateNext();
    } catch (error) {
      // The seal is on disk, so nothing may be appended to the old segment. The next startup completes the rotation.
      this.#log.fail(error);
      throw logFailed('the next segment could not be activated', error);
    }
    const { firstSeq } = replaced;
    const sealed = { firstSeq, lastSeq: end.seq, sizeBytes, storedBytes: sizeBytes, isCompressed: false };
    this.#log.advance(next, sizeBytes > 0 ? sealed : undefined);
    // A sync requested before the seal may still be queued; it finds nothing to do.
    await replaced.close();
  }

  /** Seals the active segment and gives it its second name, or undoes the seal; returns the seal's length in bytes. */
  async #seal(rotation: Rotation): Promise<number> {
    const { paths } = this.#context;
    const { end, segment } = this.#log.end();
    const seal = { sealedName: segmentName(segment.firstSeq), nextSeq: end.seq + 1, nextName: paths.activeName };
    const bytes = Buffer.from(encodeSealLine(seal, end.hash));
    try {
      await segment.append(bytes);
      await this.#syncs.syncSeal(segment, end);
      await this.#nameSealed(rotation, segment.firstSeq);
    } catch (error) {
      await this.#log.takeBack(bytes, error);
      throw error;
    }
    // The head must not lag behind a sealed segment, because recovery syncs only the active one again.
    await this.#head.flush();
    return bytes.length;
  }

  /** The seal can be undone only if the name certainly does not exist; otherwise the log fails. */
  async #nameSealed(rotation: Rotation, firstSeq: number): Promise<void> {
    try {
      await rotation.nameSealed(firstSeq);
    } catch (error) {
      const isPassing = faultOf(error) !== 'disk' || isErrno(error, 'EMLINK');
      if (isPassing && (await rotation.isUnnamed(firstSeq))) throw error;
      this.#log.fail(error);
      throw logFailed('a sealed segment could not be named', error);
    }
  }
}
