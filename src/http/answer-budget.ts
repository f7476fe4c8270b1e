/**
 * How much memory the answers under way may take together. An answer takes room before its text is brought into memory and gives
 * it back with its end; what does not fit waits a bounded time. Knows nothing of requests: a holder is a name and a way to end it.
 *
 * Shared fairly: one caller has at most half of it, so that no API key takes the room of the others. Those who wait are served in
 * the order in which they came, except that one whose caller has its share holds up no other caller. While others wait, a reader
 * that has taken nothing for some seconds is cut off; while there is room, it may take its time. An answer gives all of its room
 * back before it waits for more, so that no two wait for each other.
 */
import { AppError } from '../base/app-error.js';
import { type Clock, systemClock } from '../base/clock.js';

/** How long an answer waits for room, in milliseconds. */
const WAIT_MS = 15_000;
/** After how long a reader that takes nothing is cut off while others wait, in milliseconds. */
const STALL_MS = 5000;
/** Interval between checks for such readers while anything waits, in milliseconds. */
const LOOK_MS = 250;
/** What one caller may have, as a share of all. */
const CALLER_SHARE = 1 / 2;

const CLOSED = 'Cannot answer: the connection is closed';
const TAKEN = 'Cannot answer now: other answers have taken all the room';

/** How a budget works. */
export interface AnswerBudgetOptions {
  /** For all answers together, in bytes. */
  readonly bytesMax: number;
  /** How long an answer waits for room, in milliseconds. @default 15_000 */
  readonly waitMs?: number;
  /** After how long a reader that takes nothing is cut off while others wait, in milliseconds. @default 5_000 */
  readonly stallMs?: number;
  /** @default the machine's */
  readonly clock?: Clock;
}

/** Who holds room. */
export interface RoomHolder {
  /** All answers to one caller share what a caller may have. */
  readonly caller: string;
  /** Ends the answer, because its reader takes nothing and others wait. The room is given back by `release`, as at any other end. */
  readonly cut: () => void;
}

/** An answer that waits for room. */
interface Waiting {
  readonly room: AnswerRoom;
  readonly bytes: number;
  readonly resolve: () => void;
  readonly reject: (error: AppError) => void;
  readonly timer: NodeJS.Timeout;
}

/** The room of all answers. */
export class AnswerBudget {
  readonly #bytesMax: number;
  readonly #waitMs: number;
  readonly #stallMs: number;
  readonly #clock: Clock;
  #heldBytes = 0;
  readonly #heldByCaller = new Map<string, number>();
  readonly #holders = new Set<AnswerRoom>();
  #waiting: Waiting[] = [];
  /** Looks for stalled readers; undefined while nothing waits. */
  #look: NodeJS.Timeout | undefined;

  /** @param options its size and times */
  constructor({ bytesMax, waitMs = WAIT_MS, stallMs = STALL_MS, clock = systemClock }: AnswerBudgetOptions) {
    this.#bytesMax = bytesMax;
    this.#waitMs = waitMs;
    this.#stallMs = stallMs;
    this.#clock = clock;
  }

  /** Bytes that are held. */
  get heldBytes(): number {
    return this.#heldBytes;
  }

  /** How many answers wait. */
  get waitingCount(): number {
    return this.#waiting.length;
  }

  /** Opens the room of an answer, empty at first. */
  open(holder: RoomHolder): AnswerRoom {
    return new AnswerRoom({
      holder,
      now: () => this.#clock.monotonicMs(),
      take: (room, bytes) => this.#take(room, bytes),
      shrink: (room, bytes) => this.#shrink(room, bytes),
    });
  }

  #take(room: AnswerRoom, bytes: number): Promise<void> | undefined {
    this.#give(room, 0);
    // Where none waits there is nothing to keep an order with, and no promise is made.
    if (this.#waiting.length === 0 && this.#fits(room, bytes) === 'fits') {
      this.#give(room, bytes);
      return undefined;
    }
    const granted = new Promise<void>((resolve, reject) => {
      const timer = setTimeout(() => this.#giveUp(room, TAKEN), this.#waitMs).unref();
      this.#waiting.push({ room, bytes, resolve, reject, timer });
    });
    this.#grant();
    if (room.heldBytes >= bytes) return undefined;
    this.#look ??= setInterval(() => this.#cutStalled(), Math.min(LOOK_MS, this.#stallMs)).unref();
    return granted;
  }

  #shrink(room: AnswerRoom, bytes: number): void {
    if (bytes === 0) this.#giveUp(room, CLOSED);
    this.#give(room, bytes);
    if (this.#waiting.length > 0) this.#grant();
  }

  /** What is larger than all that there is gets in alone. */
  #fits({ holder: { caller } }: AnswerRoom, bytes: number): 'fits' | 'caller is full' | 'all is full' {
    const ofCaller = this.#heldByCaller.get(caller) ?? 0;
    if (ofCaller > 0 && ofCaller + bytes > this.#bytesMax * CALLER_SHARE) return 'caller is full';
    return this.#heldBytes > 0 && this.#heldBytes + bytes > this.#bytesMax ? 'all is full' : 'fits';
  }

  #give(room: AnswerRoom, bytes: number): void {
    const { caller } = room.holder;
    const more = bytes - room.heldBytes;
    const ofCaller = (this.#heldByCaller.get(caller) ?? 0) + more;
    room.heldBytes = bytes;
    this.#heldBytes += more;
    if (ofCaller === 0) this.#heldByCaller.delete(caller);
    else this.#heldByCaller.set(caller, ofCaller);
    if (bytes === 0) this.#holders.delete(room);
    else this.#holders.add(room);
  }

  #grant(): void {
    let isBlocked = false;
    this.#waiting = this.#waiting.filter((waiting) => {
      if (isBlocked) return true;
      const fit = this.#fits(waiting.room, waiting.bytes);
      // The first that waits for others to end must not be overtaken for ever by smaller ones.
      isBlocked = fit === 'all is full';
      if (fit !== 'fits') return true;
      clearTimeout(waiting.timer);
      this.#give(waiting.room, waiting.bytes);
      waiting.resolve();
      return false;
    });
    this.#restWhenNothingWaits();
  }

  #giveUp(room: AnswerRoom, reason: string): void {
    const found = this.#waiting.find((waiting) => waiting.room === room);
    if (found === undefined) return;
    this.#waiting = this.#waiting.filter((waiting) => waiting !== found);
    clearTimeout(found.timer);
    found.reject(new AppError('busy', reason));
    // What it held up may fit.
    this.#grant();
  }

  #restWhenNothingWaits(): void {
    if (this.#waiting.length > 0) return;
    clearInterval(this.#look);
    this.#look = undefined;
  }

  /** Ends the readers that take nothing and hold what another waits for. */
  #cutStalled(): void {
    const fits = new Map(this.#waiting.map(({ room, bytes }) => [room.holder.caller, this.#fits(room, bytes)]));
    const isAllFull = [...fits.values()].some((fit) => fit === 'all is full');
    const sinceMs = this.#clock.monotonicMs() - this.#stallMs;
    for (const room of this.#holders) {
      const isWantedOf = isAllFull || fits.has(room.holder.caller);
      if (isWantedOf && room.stalledSinceMs !== undefined && room.stalledSinceMs <= sinceMs) room.holder.cut();
    }
  }
}

/** What a room needs of its budget. */
interface RoomParts {
  readonly holder: RoomHolder;
  readonly now: () => number;
  readonly take: (room: AnswerRoom, bytes: number) => Promise<void> | undefined;
  readonly shrink: (room: AnswerRoom, bytes: number) => void;
}

/** The room of one answer. */
export class AnswerRoom {
  readonly holder: RoomHolder;
  readonly #parts: RoomParts;
  /** Kept by the budget. */
  heldBytes = 0;
  #stalledSinceMs: number | undefined;
  #isReleased = false;

  /** @param parts the holder and the budget's side */
  constructor(parts: RoomParts) {
    this.holder = parts.holder;
    this.#parts = parts;
  }

  /** Since when the reader has been waited for; undefined while the server is at work. */
  get stalledSinceMs(): number | undefined {
    return this.#stalledSinceMs;
  }

  /**
   * Takes room for what comes next, in place of what was held before. Where there is none, nothing is held until it has been waited
   * for; then the caller looks again how much it needs, since time has passed, and takes that.
   *
   * @returns undefined where the room is there; otherwise a promise that there will be
   * @throws {AppError} `busy`, by the promise, after the longest wait or when the answer has ended
   */
  take(bytes: number): Promise<void> | undefined {
    if (this.#isReleased) return Promise.reject(new AppError('busy', CLOSED));
    if (bytes > this.heldBytes) return this.#parts.take(this, bytes);
    // What is held is enough: an answer that goes on does not queue behind those that begin.
    if (bytes < this.heldBytes) this.#parts.shrink(this, bytes);
    return undefined;
  }

  /** From now on the server waits for the reader. */
  awaitReader(): void {
    this.#stalledSinceMs = this.#parts.now();
  }

  /** The reader has taken what it was given. */
  readerTook(): void {
    this.#stalledSinceMs = undefined;
  }

  /** Gives everything back, for good. */
  release(): void {
    this.#isReleased = true;
    this.#parts.shrink(this, 0);
  }
}
