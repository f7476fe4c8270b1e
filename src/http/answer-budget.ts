/**
 * The memory budget of the answers in progress. An answer reserves memory before its text is loaded, and releases it when it ends; one
 * that does not fit waits, up to a limit. Knows nothing of requests: a reservation has the name of its caller and a way to end the answer.
 *
 * The budget is shared fairly. One caller holds at most half of it, so no API key can take the memory of the others. Waiting answers are
 * served in order of arrival, except that one whose caller is at its share does not block other callers. While answers wait, a reader
 * that has taken nothing for some seconds is cut off; otherwise it may take its time. An answer releases everything before it waits
 * for more, so no two answers wait for each other.
 */
import { AppError } from '../base/app-error.js';
import { type Clock, systemClock } from '../base/clock.js';

/** How long an answer waits for memory, in milliseconds. */
const WAIT_MS = 15_000;
/** After how long a reader that takes nothing is cut off while others wait, in milliseconds. */
const STALL_MS = 5000;
/** Interval between checks for stalled readers while anything waits, in milliseconds. */
const STALL_CHECK_MS = 250;
/** The share of one caller. */
const CALLER_SHARE = 1 / 2;

const CLOSED = 'Cannot answer: the connection is closed';
const EXHAUSTED = 'Cannot answer now: other answers have used up the memory for answers';

interface AnswerBudgetOptions {
  /** For all answers together, in bytes. */
  readonly bytesMax: number;
  /** How long an answer waits for memory, in milliseconds. @default 15_000 */
  readonly waitMs?: number;
  /** After how long a reader that takes nothing is cut off while others wait, in milliseconds. @default 5_000 */
  readonly stallMs?: number;
  /** @default the system clock */
  readonly clock?: Clock;
}

/** The memory reserved for one answer. Only the budget changes it. */
export interface Reservation {
  /** All answers to one caller share its part of the budget. */
  readonly caller: string;
  /** Ends the answer because its reader is stalled while others wait; the memory is freed by `release`, as after any other end. */
  readonly cut: () => void;
  heldBytes: number;
  /** Since when the server waits for the reader; undefined while it does not. */
  stalledSinceMs: number | undefined;
  isReleased: boolean;
}

/** An answer that waits for memory. */
interface Waiting {
  readonly reservation: Reservation;
  readonly bytes: number;
  readonly resolve: () => void;
  readonly reject: (error: AppError) => void;
  readonly timer: NodeJS.Timeout;
}

/** The memory of all answers. */
export class AnswerBudget {
  #bytesMax: number;
  readonly #waitMs: number;
  readonly #stallMs: number;
  readonly #clock: Clock;
  #heldBytes = 0;
  readonly #heldByCaller = new Map<string, number>();
  readonly #holders = new Set<Reservation>();
  #waiting: Waiting[] = [];
  /** Cuts off stalled readers; undefined while nothing waits. */
  #stallCheck: NodeJS.Timeout | undefined;

  constructor({ bytesMax, waitMs = WAIT_MS, stallMs = STALL_MS, clock = systemClock }: AnswerBudgetOptions) {
    this.#bytesMax = bytesMax;
    this.#waitMs = waitMs;
    this.#stallMs = stallMs;
    this.#clock = clock;
  }

  /** Bytes reserved. */
  get heldBytes(): number {
    return this.#heldBytes;
  }

  /** Number of waiting answers. */
  get waitingCount(): number {
    return this.#waiting.length;
  }

  /** Changes the memory for all answers. Answers in progress keep what they hold. */
  resize(bytesMax: number): void {
    this.#bytesMax = bytesMax;
    if (this.#waiting.length > 0) this.#grant();
  }

  /** Opens an empty reservation. */
  open(caller: string, cut: () => void): Reservation {
    return { caller, cut, heldBytes: 0, stalledSinceMs: undefined, isReleased: false };
  }

  /**
   * Changes a reservation to `bytes`. If that does not fit, the reservation is empty until it is granted; the caller then computes the
   * size again, since time has passed, and takes that.
   *
   * @returns undefined if it fits at once; otherwise a promise that resolves when the memory is reserved
   * @throws {AppError} `busy`, through the promise: after the longest wait, or when the answer ends
   */
  take(reservation: Reservation, bytes: number): Promise<void> | undefined {
    if (reservation.isReleased) return Promise.reject(new AppError('busy', CLOSED));
    // A continuing answer that needs no more than it holds does not queue behind new ones.
    if (bytes <= reservation.heldBytes) {
      this.#shrink(reservation, bytes);
      return undefined;
    }
    this.#hold(reservation, 0);
    // The common case creates no promise: without a queue there is no order to keep.
    if (this.#waiting.length === 0 && this.#fits(reservation, bytes) === 'fits') {
      this.#hold(reservation, bytes);
      return undefined;
    }
    const granted = new Promise<void>((resolve, reject) => {
      const timer = setTimeout(() => this.#giveUp(reservation, EXHAUSTED), this.#waitMs).unref();
      this.#waiting.push({ reservation, bytes, resolve, reject, timer });
    });
    this.#grant();
    if (reservation.heldBytes >= bytes) return undefined;
    this.#stallCheck ??= setInterval(() => this.#cutStalled(), Math.min(STALL_CHECK_MS, this.#stallMs)).unref();
    return granted;
  }

  /** Notes that the server waits for the reader from now on. */
  awaitReader(reservation: Reservation): void {
    reservation.stalledSinceMs = this.#clock.monotonicMs();
  }

  /** Notes that the reader has taken what was sent. */
  readerTook(reservation: Reservation): void {
    reservation.stalledSinceMs = undefined;
  }

  /** Frees the reservation permanently. */
  release(reservation: Reservation): void {
    reservation.isReleased = true;
    this.#giveUp(reservation, CLOSED);
    this.#shrink(reservation, 0);
  }

  #shrink(reservation: Reservation, bytes: number): void {
    if (bytes === reservation.heldBytes) return;
    this.#hold(reservation, bytes);
    if (this.#waiting.length > 0) this.#grant();
  }

  /** An answer larger than the whole budget fits alone. */
  #fits({ caller }: Reservation, bytes: number): 'fits' | 'caller is full' | 'all is full' {
    const ofCaller = this.#heldByCaller.get(caller) ?? 0;
    if (ofCaller > 0 && ofCaller + bytes > this.#bytesMax * CALLER_SHARE) return 'caller is full';
    return this.#heldBytes > 0 && this.#heldBytes + bytes > this.#bytesMax ? 'all is full' : 'fits';
  }

  #hold(reservation: Reservation, bytes: number): void {
    const { caller } = reservation;
    const more = bytes - reservation.heldBytes;
    const ofCaller = (this.#heldByCaller.get(caller) ?? 0) + more;
    reservation.heldBytes = bytes;
    this.#heldBytes += more;
    if (ofCaller === 0) this.#heldByCaller.delete(caller);
    else this.#heldByCaller.set(caller, ofCaller);
    if (bytes === 0) this.#holders.delete(reservation);
    else this.#holders.add(reservation);
  }

  #grant(): void {
    let isBlocked = false;
    this.#waiting = this.#waiting.filter((waiting) => {
      if (isBlocked) return true;
      const fit = this.#fits(waiting.reservation, waiting.bytes);
      // Smaller answers must not overtake indefinitely the first one that waits for others to end.
      isBlocked = fit === 'all is full';
      if (fit !== 'fits') return true;
      clearTimeout(waiting.timer);
      this.#hold(waiting.reservation, waiting.bytes);
      waiting.resolve();
      return false;
    });
    this.#stopCheckWhenIdle();
  }

  #giveUp(reservation: Reservation, reason: string): void {
    const found = this.#waiting.find((waiting) => waiting.reservation === reservation);
    if (found === undefined) return;
    this.#waiting = this.#waiting.filter((waiting) => waiting !== found);
    clearTimeout(found.timer);
    found.reject(new AppError('busy', reason));
    // The answers behind it may fit.
    this.#grant();
  }

  #stopCheckWhenIdle(): void {
    if (this.#waiting.length > 0) return;
    clearInterval(this.#stallCheck);
    this.#stallCheck = undefined;
  }

  /** Cuts off the stalled readers whose memory a waiting answer needs. */
  #cutStalled(): void {
    const fits = new Map(this.#waiting.map(({ reservation, bytes }) => [reservation.caller, this.#fits(reservation, bytes)]));
    const isAllFull = [...fits.values()].some((fit) => fit === 'all is full');
    const sinceMs = this.#clock.monotonicMs() - this.#stallMs;
    for (const reservation of this.#holders) {
      const isNeeded = isAllFull || fits.has(reservation.caller);
      if (isNeeded && reservation.stalledSinceMs !== undefined && reservation.stalledSinceMs <= sinceMs) reservation.cut();
    }
  }
}
