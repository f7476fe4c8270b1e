/**
 * When the lines of an open log are synced, and up to which line they are known to be on disk. Owns the order of the syncs: one at a
 * time, each for the segment that it was requested for.
 */
import type { Clock } from '../../base/clock.js';
import type { Logger } from '../../base/logger.js';
import { faultOf } from '../../disk/disk-fault.js';
import { NotOpenedError } from '../../disk/held-file.js';
import { outcomeUnknown } from '../log-errors.js';
import type { LogObserver } from '../log-observer.js';
import type { LogOptions, LogPosition } from '../log.js';
import type { ActiveSegment } from './segment/active-segment.js';

/** A sync that takes longer than this is logged, in milliseconds. */
const SLOW_SYNC_MS = 1000;
/** Under `os`, how long a log must be quiet before it is synced, in milliseconds. Until then it keeps its descriptor open. */
const QUIET_SYNC_MS = 10_000;
const SYNC_DELAYED = 'the log could not be synced for lack of descriptors or memory; nothing is lost, and the sync is retried';

/** What the server log says about an error that is a defect of this program. */
export const LOG_DEFECT = 'the log hit a defect of the server; the disk has not failed, and the log stays in use';

/** The current state of the log, and whom to notify. */
interface SyncedLog {
  readonly project: string;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly observer?: LogObserver | undefined;
  /** The last accepted line, and its segment. */
  end(): { readonly end: LogPosition; readonly segment: ActiveSegment };
  /** True once a sync has failed. */
  hasFailed(): boolean;
  /** Called when a sync has failed: nothing may be acknowledged from then on. */
  onFailed(cause: unknown): void;
  /** Called when lines have become durable. */
  onSynced(end: LogPosition): void;
}

/** Syncs one log. */
export class SyncKeeper {
  readonly #log: SyncedLog;
  #synced: LogPosition;
  /** The sync or cut in flight. Two at a time could hide the failure of one, because the system reports a failure only once. */
  #turn: Promise<void> = Promise.resolve();
  #timer: NodeJS.Timeout | undefined;
  /** The durability under which the lines that await a background sync were acknowledged; undefined before the first such line. */
  #options: LogOptions | undefined;
  /** Set while background syncs are delayed, so that this is logged once and not at each attempt. */
  #isDelayed = false;
  #isEnded = false;

  /** @param synced the last line known to be on disk */
  constructor(log: SyncedLog, synced: LogPosition) {
    this.#log = log;
    this.#synced = synced;
  }

  /** The last line known to be on disk. */
  get synced(): LogPosition {
    return this.#synced;
  }

  /**
   * Runs syncs and cuts one after another.
   *
   * @throws {AppError} `outcome_unknown` if an earlier one has failed; `work` was not started
   */
  async inTurn(work: () => Promise<void>): Promise<void> {
    const turn = this.#turn.then(async () => {
      if (this.#log.hasFailed()) throw outcomeUnknown('the disk failed to make earlier lines durable');
      await work();
    });
    this.#turn = turn.catch(() => undefined);
    await turn;
  }

  /** Resolves when no sync or cut is in progress. */
  async settle(): Promise<void> {
    await this.#turn;
  }

  /**
   * Makes everything up to a line durable, unless a newer sync or the seal of its segment has already done so.
   *
   * @throws {AppError} `outcome_unknown` if the disk fails
   * @throws what prevented the sync, if that says nothing about the disk: it may be retried
   */
  async sync(segment: ActiveSegment, end: LogPosition): Promise<void> {
    await this.inTurn(async () => {
      if (end.seq > this.#synced.seq) await this.#syncNow(segment, end);
    });
  }

  /**
   * Makes the appended seal of a segment durable, and with it all lines before.
   *
   * @throws {AppError} `outcome_unknown` if the disk fails
   */
  async syncSeal(segment: ActiveSegment, end: LogPosition): Promise<void> {
    await this.inTurn(() => this.#syncNow(segment, end));
  }

  /**
   * A sync that failed on the disk is never retried, because the state of what it covered is unknown permanently. A sync that did not
   * reach the disk proves nothing and may be retried.
   */
  async #syncNow(segment: ActiveSegment, end: LogPosition): Promise<void> {
    const { project, clock, logger, observer, onFailed, onSynced } = this.#log;
    const startMs = clock.monotonicMs();
    try {
      await segment.datasync();
    } catch (cause) {
      if (!isSyncMade(cause)) throw cause;
      onFailed(cause);
      throw outcomeUnknown('the disk failed to make them durable', cause);
    }
    const durationMs = clock.monotonicMs() - startMs;
    observer?.synced(durationMs);
    if (durationMs > SLOW_SYNC_MS) logger.warn({ project, duration_ms: Math.round(durationMs) }, 'a sync of the log was slow');
    this.#synced = end;
    onSynced(end);
  }

  /**
   * Schedules a background sync for lines that were acknowledged before they are durable: under `interval` after the interval, under
   * `os` once the log is quiet, so that its file can be closed.
   */
  later(options: LogOptions): void {
    if (this.#isEnded) return;
    this.#options = options;
    if (options.durability !== 'os') this.#timer ??= setTimeout(() => this.#syncInBackground(), options.syncIntervalMs);
    else this.#timer ??= setTimeout(() => this.#syncIfQuiet(options, this.#log.end().end.seq), QUIET_SYNC_MS);
  }

  #syncIfQuiet(options: LogOptions, seq: number): void {
    if (seq === this.#log.end().end.seq) return this.#syncInBackground();
    this.#timer = undefined;
    this.later(options);
  }

  #syncInBackground(): void {
    this.#timer = undefined;
    if (this.#log.hasFailed()) return;
    const { segment, end } = this.#log.end();
    this.sync(segment, end).then(() => (this.#isDelayed = false), (error: unknown) => this.#retry(error));
  }

  /** Retries without waiting for another write, which may never come: the pending lines have been acknowledged. */
  #retry(error: unknown): void {
    const { project, logger, hasFailed } = this.#log;
    // The state of the log already shows a failure of the disk, and no response waits for this sync.
    if (hasFailed() || this.#options === undefined) return;
    if (!this.#isDelayed) {
      if (faultOf(error) === 'defect') logger.error({ project, err: error }, LOG_DEFECT);
      else logger.warn({ project, err: error }, SYNC_DELAYED);
    }
    this.#isDelayed = true;
    this.later(this.#options);
    // A sync that keeps failing must not keep the process alive.
    this.#timer?.unref();
  }

  /** Changes the durability. Lines that await a background sync are synced under the new one. */
  configure(options: LogOptions): void {
    if (this.#timer === undefined) return;
    this.#stopTimer();
    this.later(options);
  }

  /** Stops background syncs. */
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
 * Whether a rejected sync may have reached the disk. It has not if this program is at fault, or if the closed file could not be opened
 * for lack of descriptors or memory.
 */
function isSyncMade(cause: unknown): boolean {
  const fault = faultOf(cause);
  return fault !== 'defect' && !(fault === 'shortage' && cause instanceof NotOpenedError);
}
