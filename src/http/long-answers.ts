/**
 * Long answers: they reserve memory before their text is loaded, and are sent in parts, each after the reader has taken the one before
 * and only while the caller is still authorized.
 */
import { Readable } from 'node:stream';
import type { Logger } from '../base/logger.js';
import { actorOf } from '../events/actor.js';
import type { AnswerBudget, Reservation } from './answer-budget.js';
import type { AppContext, AppMiddleware } from './context.js';
import type { EventLoopTurns } from './event-loop-turns.js';

/** Longest text that is sent at once and without a reservation, in UTF-16 units; the buffer of the socket holds that much. */
export const SHORT_TEXT_CHARACTERS = 16_384;
/** Bytes that are passed to the socket at once. */
export const PART_BYTES = 65_536;
/** Bytes of memory per byte of text: it exists as text and as bytes. */
const MEMORY_PER_BYTE = 2;

/** Text, or its UTF-8, one piece after another. */
type Texts = AsyncIterable<Buffer> | Iterable<string | Buffer>;

/** Reserves memory for long answers, and sends them. */
export class LongAnswers {
  readonly #budget: AnswerBudget;
  readonly #turns: EventLoopTurns;
  readonly #logger: Logger;

  constructor(budget: AnswerBudget, turns: EventLoopTurns, logger: Logger) {
    this.#budget = budget;
    this.#turns = turns;
    this.#logger = logger;
  }

  /**
   * Reserves memory for text that is about to be loaded.
   *
   * @returns undefined if it fits at once; otherwise a promise, after which the caller reads the size again and reserves that
   * @throws {AppError} `busy`, through the promise
   */
  reserve(ctx: AppContext, sizeBytes: number): Promise<void> | undefined {
    return this.#budget.take(this.#reservationOf(ctx), sizeBytes * MEMORY_PER_BYTE);
  }

  /**
   * Sends a text in parts.
   *
   * @param texts memory is reserved for each piece by the time it arrives
   */
  send(ctx: AppContext, texts: Texts): void {
    ctx.body = Readable.from(this.#partsOf(ctx, texts), { objectMode: true, highWaterMark: 0 });
  }

  async* #partsOf(ctx: AppContext, texts: Texts): AsyncGenerator<Buffer, void, undefined> {
    const { state } = ctx;
    const reservation = this.#reservationOf(ctx);
    for await (const text of texts) {
      await this.#turns.next();
      const bytes = typeof text === 'string' ? Buffer.from(text) : text;
      for (let offset = 0; offset < bytes.length; offset += PART_BYTES) {
        state.authorization?.assertHolds();
        const part = bytes.subarray(offset, offset + PART_BYTES);
        state.streamedBytes += part.length;
        this.#budget.awaitReader(reservation);
        yield part;
        this.#budget.readerTook(reservation);
      }
    }
  }

  #reservationOf(ctx: AppContext): Reservation {
    return (ctx.state.reservation ??= this.#open(ctx));
  }

  #open(ctx: AppContext): Reservation {
    const { state, req, res } = ctx;
    const reservation = this.#budget.open(callerOf(state), () => {
      this.#logger.warn({ request_id: state.requestId }, 'cut off a reader that took nothing of its answer while others waited for memory');
      req.socket.destroy();
    });
    if (res.closed || req.socket.destroyed) this.#budget.release(reservation);
    else res.once('close', () => this.#budget.release(reservation));
    return reservation;
  }
}

/** Callers without an API key are distinguished by their address. */
function callerOf({ principal, remote }: AppContext['state']): string {
  return principal === null || principal.kind === 'anonymous' ? `anonymous ${remote}` : actorOf(principal);
}

/**
 * Sends long texts in parts, whichever route they come from.
 *
 * @returns the middleware; it refuses with 503 if the memory is not free within the longest wait, and with the current refusal if the
 *   authorization ends during that wait
 */
export function sendLongTexts(longAnswers: LongAnswers): AppMiddleware {
  return async function sendInParts(ctx, next) {
    await next();
    const { body } = ctx;
    if (!(typeof body === 'string' || Buffer.isBuffer(body)) || body.length <= SHORT_TEXT_CHARACTERS || ctx.method === 'HEAD') return;
    const sizeBytes = Buffer.byteLength(body);
    await longAnswers.reserve(ctx, sizeBytes);
    ctx.state.authorization?.assertHolds();
    longAnswers.send(ctx, [body]);
    ctx.length = sizeBytes;
  };
}
