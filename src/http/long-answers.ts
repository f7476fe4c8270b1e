/**
 * Long answers: they reserve memory before their text is loaded, and are sent in parts, each after the reader has taken the one before
 * and only while the caller is still authorized.
 */
import { groupAddress } from '../auth/address-group.js';
import type { Logger } from '../base/logger.js';
import { actorOf } from '../events/actor.js';
import type { AnswerBudget, Reservation } from './answer-budget.js';
import type { EventLoopTurns } from './event-loop-turns.js';
import type { Exchange, Texts } from './exchange.js';

/** Longest text that is sent at once and without a reservation, in UTF-16 units; the buffer of the socket holds that much. */
export const SHORT_TEXT_CHARACTERS = 16_384;
/** Bytes that are passed to the socket at once. */
export const PART_BYTES = 524_288;
/** Bytes of memory per byte of text: it exists as text and as bytes. */
const MEMORY_PER_BYTE = 2;

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
  reserve(exchange: Exchange, sizeBytes: number): Promise<void> | undefined {
    return this.#budget.take(this.#reservationOf(exchange), sizeBytes * MEMORY_PER_BYTE);
  }

  /**
   * Cuts a text into the parts that are passed to the socket. The next part may be asked for once the reader has taken the one before,
   * whose bytes may change then.
   *
   * @param texts memory is reserved for each piece by the time it arrives
   * @throws {AppError} when the authorization has ended, or as `texts` does
   */
  async* partsOf(exchange: Exchange, texts: Texts): AsyncGenerator<Buffer, void, undefined> {
    const reservation = this.#reservationOf(exchange);
    for await (const text of texts) {
      const bytes = typeof text === 'string' ? await this.#bytesOf(text) : text;
      for (let offset = 0; offset < bytes.length; offset += PART_BYTES) {
        exchange.authorization?.assertHolds();
        this.#budget.awaitReader(reservation);
        yield bytes.subarray(offset, offset + PART_BYTES);
        this.#budget.readerTook(reservation);
      }
    }
  }

  async #bytesOf(text: string): Promise<Buffer> {
    await this.#turns.next();
    return Buffer.from(text);
  }

  #reservationOf(exchange: Exchange): Reservation {
    return (exchange.reservation ??= this.#open(exchange));
  }

  #open(exchange: Exchange): Reservation {
    const { request } = exchange;
    const reservation = this.#budget.open(callerOf(exchange), () => {
      const facts = { request_id: exchange.requestId };
      this.#logger.warn(facts, 'cut off a reader that took nothing of its answer while others waited for memory');
      request.socket.destroy();
    });
    exchange.onEnd(() => this.#budget.release(reservation));
    return reservation;
  }
}

/** Names the caller of a request. Callers without an API key are distinguished by their address. */
export function callerOf({ principal, remote }: Exchange): string {
  return principal === null || principal.kind === 'anonymous' ? `anonymous ${groupAddress(remote)}` : actorOf(principal);
}
