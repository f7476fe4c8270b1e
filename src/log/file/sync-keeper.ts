/**
 * When the lines of an open log are synced, and up to which line they are known to be on disk. Owns the order of the syncs: one at a
 * time, each for the segment that it was asked for.
 */
import type { Clock } from '../../base/clock.js';
import type { Logger } from '../../base/logger.js';
import { faultOf } from '../../disk/disk-fault.js';
import { NotOpenedError } from '../../disk/held-file.js';
import type { LogOptions, LogPosition } from '../log.js';
import type { ActiveSegment } from './segment/active-segment.js';
import { DEFECT_TOLD, outcomeUnknown } from './write-fault.js';

/** A sync that takes longer is logged, in milliseconds. */
const SLOW_SYNC_MS = 1000;
/** Under `os`, how long a log has to be quiet before it is synced, in milliseconds: until then it holds its descriptor. */
const QUIET_SYNC_MS = 10_000;
const SYNC_HELD_UP = 'the log could not be synced for want of descriptors or memory; nothing is lost, and it is tried again';

/** The log that is synced, as it is at the moment of the question. */
export interface SyncedLog {
  readonly project: string;
  readonly clock: Clock;
  readonly logger: Logger;
  /** The last accepted line, and the segment in which it stands. */
  end(): { readonly end: LogPosition; readonly segment: ActiveSegment };
  /** True once a sync has failed. */
  hasFailed(): boolean;
  /** Called when a sync has failed: nothing may be acknowledged any more. */
  onFailed(cause: unknown): void;
  /** Called when lines have become durable. */
  onSynced(end: LogPosition): void;
}

/** Keeps one log synced. */
export class SyncKeeper {
  readonly #log: SyncedLog;
  #synced: LogPosition;
  /** The sync or cut in flight. Two at a time could hide that one of them failed: the system tells a failure once. */
  #turn: Promise<void> = Promise.resolve();
  #timer: NodeJS.Timeout | undefined;
  /** By which measure lines are synced behind their answers; undefined before the first such line. */
  #options: LogOptions | undefined;
  /** Set while syncs behind the answers are not made, so that it is logged once and not at each try. */
  #isHeldUp = false;
  #isEnded = false;

  /** @param synced its last line that is known to be on disk */
  constructor(log: SyncedLog, synced: LogPosition) {
    this.#log = log;
    this.#synced = synced;
  }

  /** The last line that is known to be on disk. */
  get synced(): LogPosition {
    return this.#synced;
  }

  /**
   * Lets syncs and cuts happen one after another.
   *
   * @throws {AppError} `outcome_unknown` when one before has failed: `work` has not begun
   */
  async inTurn(work: () => Promise<void>): Promise<void> {
    const turn = this.#turn.then(async () => {
      if (this.#log.hasFailed()) throw outcomeUnknown('the disk failed to make earlier lines durable');
      await work();
    });
    this.#turn = turn.catch(() => undefined);
    await turn;
  }

  /** Resolves when no sync or cut is under way. */
  async settle(): Promise<void> {
    await this.#turn;
  }

  /**
   * Makes everything up to a line durable, unless the seal of its segment or a newer sync has done so when its turn comes.
   *
   * @throws {AppError} `outcome_unknown` when the disk fails
   * @throws what kept the sync from being made, which says nothing about the disk: it may be tried again
   */
  async sync(segment: ActiveSegment, end: LogPosition): Promise<void> {
    await this.inTurn(async () => {
      if (end.seq > this.#synced.seq) await this.#syncNow(segment, end);
    });
  }

  /**
   * Makes the seal of a segment durable, and all lines with it.
   *
   * @param segment which one; its seal has been appended
   * @throws {AppError} `outcome_unknown` when the disk fails
   */
  async syncSeal(segment: ActiveSegment, end: LogPosition): Promise<void> {
    await this.inTurn(() => this.#syncNow(segment, end));
  }

  /** A sync that the disk fails is never tried again: what it covered is unknown for ever. One that was not made proves nothing. */
  async #syncNow(segment: ActiveSegment, end: LogPosition): Promise<void> {
    const { project, clock, logger, onFailed, onSynced } = this.#log;
    const startMs = clock.monotonicMs();
    try {
      await segment.datasync();
    } catch (cause) {
      if (!isSyncMade(cause)) throw cause;
      onFailed(cause);
      throw outcomeUnknown('the disk failed to make them durable', cause);
    }
    const durationMs = clock.monotonicMs() - startMs;
    if (durationMs > SLOW_SYNC_MS) logger.warn({ project, duration_ms: Math.round(durationMs) }, 'a sync of the log was slow');
    this.#synced = end;
    onSynced(end);
  }

  /**
   * Sees to it that lines which were answered before they are durable will be: under `interval` in a while, under `os` once the log
   * is quiet, so that its file can be closed.
   */
  later(options: LogOptions): void {
    if (this.#isEnded) return;
    this.#options = options;
    if (options.durability !== 'os') this.#timer ??= setTimeout(() => this.#syncBehind(), options.syncIntervalMs);
    else this.#timer ??= setTimeout(() => this.#syncIfQuiet(options, this.#log.end().end.seq), QUIET_SYNC_MS);
  }

  #syncIfQuiet(options: LogOptions, seq: number): void {
    if (seq === this.#log.end().end.seq) return this.#syncBehind();
    this.#timer = undefined;
    this.later(options);
  }

  #syncBehind(): void {
    this.#timer = undefined;
    if (this.#log.hasFailed()) return;
    const { segment, end } = this.#log.end();
    this.sync(segment, end).then(() => (this.#isHeldUp = false), (error: unknown) => this.#tryAgain(error));
  }

  /** No further write may come that would ask for the sync: the lines that wait for it have been answered already. */
  #tryAgain(error: unknown): void {
    const { project, logger, hasFailed } = this.#log;
    // A failure of the disk is in the state of the log, and no answer waits for it.
    if (hasFailed() || this.#options === undefined) return;
    if (!this.#isHeldUp) {
      if (faultOf(error) === 'defect') logger.error({ project, err: error }, DEFECT_TOLD);
      else logger.warn({ project, err: error }, SYNC_HELD_UP);
    }
    this.#isHeldUp = true;
    this.later(this.#options);
    // What keeps failing must not keep a process alive that has nothing else to do.
    this.#timer?.unref();
  }

  /** Goes over to another measure; what the one before has left is synced by the new one. */
  configure(options: LogOptions): void {
    if (this.#timer === undefined) return;
    this.#stopTimer();
    this.later(options);
  }

  /** Syncs nothing behind the answers any more. */
  end(): void {
    this.#isEnded = true;
    this.#stopTimer();
  }

  #stopTimer(): void {
    clearTimeout(this.#timer);
    this.#timer = undefined;
  }
}

/**
 * Whether a sync that was rejected may have reached the disk: not where this program is at fault, and not where the closed file could
 * not be opened for want of descriptors or memory.
 */
function isSyncMade(cause: unknown): boolean {
  const fault = faultOf(cause);
  return fault !== 'defect' && !(fault === 'shortage' && cause instanceof NotOpenedError);
}
