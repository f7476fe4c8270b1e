/**
 * Writes text to standard output or standard error without ever blocking or ending the server. Text that the descriptor does not take
 * is queued in memory, in order and up to a limit; text beyond it is dropped and counted. If the descriptor takes everything, a text
 * is written before `write` returns, so a killed process loses nothing.
 *
 * The descriptor must not block, see `console-descriptor.ts`.
 */
import { writeSync } from 'node:fs';
import { isErrno } from '../base/app-error.js';
import { countText } from '../base/count-text.js';
import type { ServerLogHealth } from '../base/logger.js';

/** Most queued bytes: some seconds of a busy server log. */
const QUEUED_BYTES_MAX = 8_388_608;
/** Size of one write from the queue; a pipe takes no more at once. */
const CHUNK_BYTES = 65_536;
/** Most queued bytes that are written in one turn of the event loop. */
const TURN_BYTES_MAX = 1_048_576;

const RETRY_FULL_MS_MIN = 1;
const RETRY_FULL_MS_MAX = 50;
/** Time until a descriptor that failed is tried again, in milliseconds. */
const RETRY_FAILED_MS = 1000;
/** Time without any progress after which a slow reader counts as a failure, in milliseconds. */
const STALL_LIMIT_MS = 5000;
/** How long a flush waits without any progress, in milliseconds. */
const FLUSH_LIMIT_MS = 500;
/** How long a flush may take in total, in milliseconds. */
const FLUSH_TOTAL_MS = 2000;
/** How long to wait for the terminal on which an API key is shown, in milliseconds: the user may have paused it. */
const SURE_LIMIT_MS = 5000;
const FLUSH_POLL_MS = 2;

/** Not failures: the write may succeed later. The first two are the same on Linux. */
const TRY_AGAIN_CODES = ['EAGAIN', 'EWOULDBLOCK', 'EINTR', 'EBUSY'];
const STALLED = 'EAGAIN: its reader has stopped, or is too slow';

/** Writes some of the bytes and returns how many, or throws a system error. */
type DescriptorWrite = (bytes: Uint8Array) => number;

/** Options of a {@link ConsoleOutput}. */
export interface ConsoleOutputOptions {
  /** @default QUEUED_BYTES_MAX */
  readonly queuedBytesMax?: number;
  /** Called with the reason when the descriptor starts to fail; again only after the whole queue was written in between. */
  readonly onFailure?: (reason: string) => void;
  /** Called with the number of dropped lines when the descriptor takes text again. */
  readonly onDropped?: (count: number) => void;
}

/** A queued text. It stays the same object while parts of it are written. */
interface QueuedText {
  /** The part that is not written yet. */
  rest: Uint8Array;
}

/** An API key could not be shown at the console. */
export class UnshownTextError extends Error {
  override readonly name = 'UnshownTextError';

  constructor(reason: string) {
    super(`Cannot show a new API key on standard error (${reason})`);
  }
}

/** The queue in front of one descriptor. */
export class ConsoleOutput {
  readonly #write: DescriptorWrite;
  readonly #options: ConsoleOutputOptions;
  /** In order; only the first may be written in part. */
  readonly #queue: QueuedText[] = [];
  #queuedBytes = 0;
  #timer: NodeJS.Timeout | undefined;
  #retryMs = RETRY_FULL_MS_MIN;
  /** When the descriptor first took nothing since its last progress; undefined while it takes everything. */
  #stalledSinceMs: number | undefined;
  #failure: string | undefined;
  /** From reaching the limit until the queue is empty, so that there is one gap and not many with single lines in between. */
  #isDropping = false;
  #droppedInGap = 0;
  #droppedCount = 0;

  /** @param descriptor one that does not block, or its replacement in a test */
  constructor(descriptor: number | DescriptorWrite, options: ConsoleOutputOptions = {}) {
    this.#write = typeof descriptor === 'number' ? (bytes) => writeSync(descriptor, bytes) : descriptor;
    this.#options = options;
  }

  /** Whether text arrives, and how many lines were dropped. */
  get health(): ServerLogHealth {
    const dropped = `${countText(this.#droppedCount, 'line')} dropped`;
    return this.#failure === undefined
      ? { ok: true, detail: dropped }
      : { ok: false, detail: `cannot be written (${this.#failure}); ${dropped}` };
  }

  /**
   * Writes whole lines, now or once the descriptor takes them.
   *
   * @param count of lines, for the count of dropped ones
   * @returns false if they were dropped
   */
  write(text: string, count = 1): boolean {
    return this.#take({ rest: Buffer.from(text) }, count);
  }

  #take(text: QueuedText, count = 1): boolean {
    const { length } = text.rest;
    const bytesMax = this.#options.queuedBytesMax ?? QUEUED_BYTES_MAX;
    if (length === 0) return true;
    if (this.#isDropping || this.#queuedBytes + length > bytesMax) {
      this.#drop(count);
      return false;
    }
    this.#queue.push(text);
    this.#queuedBytes += length;
    // With others in front of it, the timer writes it after them.
    if (this.#queue.length === 1) this.#drain(TURN_BYTES_MAX);
    return true;
  }

  /**
   * Writes the queue, blocking the process for a short time if the reader is slow.
   *
   * @returns true if nothing is left
   */
  flushSync(): boolean {
    return this.#flush(FLUSH_LIMIT_MS, FLUSH_TOTAL_MS);
  }

  /**
   * Writes whole lines before anything else happens.
   *
   * @throws {UnshownTextError} when they could not be written completely; they are not tried again later
   */
  writeSurely(text: string): void {
    const own: QueuedText = { rest: Buffer.from(text) };
    // Only this text matters; others may stay in the queue.
    if (this.#take(own) && (this.#flush(SURE_LIMIT_MS, SURE_LIMIT_MS) || !this.#queue.includes(own))) return;
    const reason = this.#failure ?? STALLED;
    this.#forget(own);
    throw new UnshownTextError(reason);
  }

  /** Blocks the whole process: nothing else may happen meanwhile, or the process is about to end. */
  #flush(stallLimitMs: number, totalMs: number): boolean {
    const startMs = performance.now();
    let movedMs = startMs;
    for (let before = this.#queuedBytes; !this.#drain(Number.POSITIVE_INFINITY); before = this.#queuedBytes) {
      const nowMs = performance.now();
      if (this.#queuedBytes !== before) movedMs = nowMs;
      const isHopeless = this.#failure !== undefined && this.#failure !== STALLED;
      if (isHopeless || nowMs - movedMs > stallLimitMs || nowMs - startMs > totalMs) return false;
      Atomics.wait(new Int32Array(new SharedArrayBuffer(Int32Array.BYTES_PER_ELEMENT)), 0, 0, FLUSH_POLL_MS);
    }
    return true;
  }

  /** Returns true if nothing is left to write. */
  #drain(bytesMax: number): boolean {
    let written = 0;
    while (this.#queue.length > 0 && written < bytesMax) {
      const taken = this.#writeChunk();
      if (taken === undefined) return false;
      written += taken;
      this.#settle(taken);
    }
    if (this.#queue.length > 0) {
      this.#schedule(0);
      return false;
    }
    this.#recover();
    return true;
  }

  /** Returns undefined if the descriptor takes nothing now; the next try is scheduled then. */
  #writeChunk(): number | undefined {
    try {
      const taken = this.#write(this.#nextChunk());
      if (taken > 0) return taken;
      this.#noteStall();
    } catch (error) {
      const isFull = isErrno(error) && TRY_AGAIN_CODES.includes(error.code ?? '');
      if (isFull) this.#noteStall();
      else this.#noteFailure(error instanceof Error ? error.message.replace(/, write$/, '') : String(error));
    }
    return undefined;
  }

  #nextChunk(): Uint8Array {
    const [first] = this.#queue;
    if (first === undefined) return new Uint8Array();
    if (this.#queue.length === 1 || first.rest.length >= CHUNK_BYTES) return first.rest;
    const pieces: Uint8Array[] = [];
    let bytes = 0;
    for (const { rest } of this.#queue) {
      if (bytes + rest.length > CHUNK_BYTES) break;
      pieces.push(rest);
      bytes += rest.length;
    }
    return Buffer.concat(pieces, bytes);
  }

  #settle(takenBytes: number): void {
    this.#queuedBytes -= takenBytes;
    let rest = takenBytes;
    let whole = 0;
    for (; whole < this.#queue.length; whole += 1) {
      const text = this.#queue[whole];
      if (text === undefined || text.rest.length > rest) break;
      rest -= text.rest.length;
    }
    this.#queue.splice(0, whole);
    const [first] = this.#queue;
    if (first !== undefined && rest > 0) first.rest = first.rest.subarray(rest);
    this.#stalledSinceMs = undefined;
    this.#retryMs = RETRY_FULL_MS_MIN;
  }

  #drop(count: number): void {
    this.#isDropping = true;
    this.#droppedInGap += count;
    this.#droppedCount += count;
    this.#fail(this.#failure ?? STALLED);
  }

  #recover(): void {
    this.#failure = undefined;
    this.#isDropping = false;
    const count = this.#droppedInGap;
    this.#droppedInGap = 0;
    // Reported here, the message is where the lines are missing.
    if (count > 0) this.#options.onDropped?.(count);
  }

  #noteStall(): void {
    const nowMs = performance.now();
    this.#stalledSinceMs ??= nowMs;
    if (nowMs - this.#stalledSinceMs > STALL_LIMIT_MS) this.#fail(STALLED);
    this.#schedule(this.#retryMs);
    this.#retryMs = Math.min(2 * this.#retryMs, RETRY_FULL_MS_MAX);
  }

  #noteFailure(reason: string): void {
    this.#schedule(RETRY_FAILED_MS);
    this.#fail(reason);
  }

  #fail(reason: string): void {
    const isNew = this.#failure === undefined;
    this.#failure = reason;
    if (isNew) this.#options.onFailure?.(reason);
  }

  /** Does not keep the process alive: `flushSync` is called at its end. */
  #schedule(delayMs: number): void {
    if (this.#timer !== undefined) return;
    this.#timer = setTimeout(() => {
      this.#timer = undefined;
      this.#drain(TURN_BYTES_MAX);
    }, delayMs);
    this.#timer.unref();
  }

  #forget(text: QueuedText): void {
    const index = this.#queue.indexOf(text);
    if (index < 0) return;
    this.#queue.splice(index, 1);
    this.#queuedBytes -= text.rest.length;
  }
}
