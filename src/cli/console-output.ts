/**
 * Text for standard output or standard error that neither stops nor ends the server: what the descriptor does not take waits in
 * memory, in order and up to a limit; what comes beyond it is dropped and counted. Where all is well a text is written before
 * `write` returns, so a process that is killed has lost nothing.
 *
 * Knows nothing of what the text says. The descriptor is expected not to wait for a reader, see `console-descriptor.ts`.
 */
import { writeSync } from 'node:fs';
import { isErrno } from '../base/app-error.js';
import { countText } from '../base/count-text.js';
import type { ServerLogHealth } from '../base/logger.js';

/** Most bytes that wait: some seconds of a busy server log. */
const WAITING_BYTES_MAX = 8_388_608;
/** Size of one write while there is a backlog; a pipe takes no more at once. */
const CHUNK_BYTES = 65_536;
/** Most bytes of a backlog that are written before the event loop goes on. */
const TURN_BYTES_MAX = 1_048_576;

const RETRY_FULL_MS_MIN = 1;
const RETRY_FULL_MS_MAX = 50;
/** How often a descriptor that gave an error is tried again, in milliseconds. */
const RETRY_FAILED_MS = 1000;
/** How long a reader may take nothing until that counts as a failure, in milliseconds. */
const STALL_LIMIT_MS = 5000;
/** How long a flush waits for a reader that takes nothing, in milliseconds. */
const FLUSH_LIMIT_MS = 500;
/** How long a flush may take with a reader that is slow, in milliseconds. */
const FLUSH_TOTAL_MS = 2000;
/** How long a person may have paused the terminal on which a key is to be shown, in milliseconds. */
const SURE_LIMIT_MS = 5000;
const FLUSH_POLL_MS = 2;

/** Not failures but a matter of time; the first two are one on Linux. */
const TRY_AGAIN_CODES = ['EAGAIN', 'EWOULDBLOCK', 'EINTR', 'EBUSY'];
const STALLED = 'EAGAIN: its reader takes nothing, or too little';

/** Writes some of the bytes, or throws a system error; gives how many it wrote. */
export type DescriptorWrite = (bytes: Uint8Array) => number;

/** How a {@link ConsoleOutput} works. */
export interface ConsoleOutputOptions {
  /** @default WAITING_BYTES_MAX */
  readonly waitingBytesMax?: number;
  /** Called once when the descriptor begins to fail, with the reason; again only after all that waited has been written. */
  readonly onFailure?: (reason: string) => void;
  /** Called with how many texts were dropped, when the descriptor takes text again. */
  readonly onDropped?: (count: number) => void;
}

/** A text on its way. It is the same object until all of it is written, whatever part of it has been. */
interface WaitingText {
  /** What is not written yet. */
  rest: Uint8Array;
}

/** A key could not be shown to the person at the console. */
export class UnshownTextError extends Error {
  override readonly name = 'UnshownTextError';

  /** @param reason why the descriptor did not take it */
  constructor(reason: string) {
    super(`Cannot show a new key on standard error (${reason})`);
  }
}

/** What stands between the server and one descriptor. */
export class ConsoleOutput {
  readonly #write: DescriptorWrite;
  readonly #options: ConsoleOutputOptions;
  /** In their order; only the first may have been written in part. */
  readonly #waiting: WaitingText[] = [];
  #waitingBytes = 0;
  #timer: NodeJS.Timeout | undefined;
  #retryMs = RETRY_FULL_MS_MIN;
  /** When the descriptor last took something, or was found to take nothing; undefined while all is well. */
  #stalledSinceMs: number | undefined;
  #failure: string | undefined;
  /** Since the limit was reached and until all that waits is written: one gap, and not one for each line that finds room. */
  #isDropping = false;
  #droppedInGap = 0;
  #droppedCount = 0;

  /** @param descriptor a descriptor that does not wait, or what stands for it in a test */
  constructor(descriptor: number | DescriptorWrite, options: ConsoleOutputOptions = {}) {
    this.#write = typeof descriptor === 'number' ? (bytes) => writeSync(descriptor, bytes) : descriptor;
    this.#options = options;
  }

  /** Whether text arrives, and how much of it never did. */
  get health(): ServerLogHealth {
    const dropped = `${countText(this.#droppedCount, 'line')} dropped`;
    return this.#failure === undefined
      ? { ok: true, detail: dropped }
      : { ok: false, detail: `cannot be written (${this.#failure}); ${dropped}` };
  }

  /**
   * Writes a text, now or when the descriptor takes it.
   *
   * @param text whole lines
   * @returns false when it was dropped
   */
  write(text: string): boolean {
    return this.#take({ rest: Buffer.from(text) });
  }

  #take(text: WaitingText): boolean {
    const { length } = text.rest;
    const bytesMax = this.#options.waitingBytesMax ?? WAITING_BYTES_MAX;
    if (length === 0) return true;
    if (this.#isDropping || this.#waitingBytes + length > bytesMax) {
      this.#drop();
      return false;
    }
    this.#waiting.push(text);
    this.#waitingBytes += length;
    // While others wait, the timer takes this one along with them.
    if (this.#waiting.length === 1) this.#drain(TURN_BYTES_MAX);
    return true;
  }

  /**
   * Writes what waits, and waits for the reader itself, but not long.
   *
   * @returns true when nothing is left
   */
  flushSync(): boolean {
    return this.#flush(FLUSH_LIMIT_MS, FLUSH_TOTAL_MS);
  }

  /**
   * Writes a text that must be out before anything else happens.
   *
   * @param text whole lines; not tried again later when this throws
   * @throws {UnshownTextError} When it could not be written to its end
   */
  writeSurely(text: string): void {
    const own: WaitingText = { rest: Buffer.from(text) };
    // It counts whether this text is out; others may go on waiting.
    if (this.#take(own) && (this.#flush(SURE_LIMIT_MS, SURE_LIMIT_MS) || !this.#waiting.includes(own))) return;
    const reason = this.#failure ?? STALLED;
    this.#forget(own);
    throw new UnshownTextError(reason);
  }

  /** Stops the whole process for as long as it takes: nothing else may happen meanwhile, or nothing else will. */
  #flush(stallLimitMs: number, totalMs: number): boolean {
    const startMs = performance.now();
    let movedMs = startMs;
    for (let before = this.#waitingBytes; !this.#drain(Number.POSITIVE_INFINITY); before = this.#waitingBytes) {
      const nowMs = performance.now();
      if (this.#waitingBytes !== before) movedMs = nowMs;
      const isHopeless = this.#failure !== undefined && this.#failure !== STALLED;
      if (isHopeless || nowMs - movedMs > stallLimitMs || nowMs - startMs > totalMs) return false;
      Atomics.wait(new Int32Array(new SharedArrayBuffer(Int32Array.BYTES_PER_ELEMENT)), 0, 0, FLUSH_POLL_MS);
    }
    return true;
  }

  /** Gives true when nothing is left to write. */
  #drain(bytesMax: number): boolean {
    let written = 0;
    while (this.#waiting.length > 0 && written < bytesMax) {
      const taken = this.#writeChunk();
      if (taken === undefined) return false;
      written += taken;
      this.#settle(taken);
    }
    if (this.#waiting.length > 0) {
      this.#schedule(0);
      return false;
    }
    this.#recover();
    return true;
  }

  /** Undefined when the descriptor takes nothing now; a later try is arranged then. */
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
    const [first] = this.#waiting;
    if (first === undefined) return new Uint8Array();
    if (this.#waiting.length === 1 || first.rest.length >= CHUNK_BYTES) return first.rest;
    const pieces: Uint8Array[] = [];
    let bytes = 0;
    for (const { rest } of this.#waiting) {
      if (bytes + rest.length > CHUNK_BYTES) break;
      pieces.push(rest);
      bytes += rest.length;
    }
    return Buffer.concat(pieces, bytes);
  }

  #settle(takenBytes: number): void {
    this.#waitingBytes -= takenBytes;
    let rest = takenBytes;
    let whole = 0;
    for (; whole < this.#waiting.length; whole += 1) {
      const text = this.#waiting[whole];
      if (text === undefined || text.rest.length > rest) break;
      rest -= text.rest.length;
    }
    this.#waiting.splice(0, whole);
    const [first] = this.#waiting;
    if (first !== undefined && rest > 0) first.rest = first.rest.subarray(rest);
    this.#stalledSinceMs = undefined;
    this.#retryMs = RETRY_FULL_MS_MIN;
  }

  #drop(): void {
    this.#isDropping = true;
    this.#droppedInGap += 1;
    this.#droppedCount += 1;
    this.#fail(this.#failure ?? STALLED);
  }

  #recover(): void {
    this.#failure = undefined;
    this.#isDropping = false;
    const count = this.#droppedInGap;
    this.#droppedInGap = 0;
    // Told here, the report stands where the lines are missing.
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

  /** Does not keep the process alive: at its end `flushSync` is called. */
  #schedule(delayMs: number): void {
    if (this.#timer !== undefined) return;
    this.#timer = setTimeout(() => {
      this.#timer = undefined;
      this.#drain(TURN_BYTES_MAX);
    }, delayMs);
    this.#timer.unref();
  }

  #forget(text: WaitingText): void {
    const index = this.#waiting.indexOf(text);
    if (index < 0) return;
    this.#waiting.splice(index, 1);
    this.#waitingBytes -= text.rest.length;
  }
}
