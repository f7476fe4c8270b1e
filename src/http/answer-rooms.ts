/**
 * The room that answers take of the budget, and how a long text is sent: in parts, each when the reader has taken the one before,
 * and each only while the caller still may have it.
 */
import { Readable } from 'node:stream';
import type { Logger } from '../base/logger.js';
import type { AnswerBudget, AnswerRoom } from './answer-budget.js';
import type { AppContext } from './context.js';
import { actorOf } from '../events/actor.js';
import type { Turns } from './turns.js';

/** Longest text that is sent at once and takes no room, in UTF-16 units; the socket's own buffer takes that much. */
export const SHORT_TEXT_CHARACTERS = 16_384;
/** How much is handed to the socket at once, in bytes. */
export const PART_BYTES = 65_536;
/** What a byte of text takes on its way: as text, and as bytes. */
const BYTES_PER_BYTE = 2;

/** Text as it is or in UTF-8, one after another. */
type Texts = AsyncIterable<Buffer> | Iterable<string | Buffer>;

/** Rooms of the requests of one server. */
export class AnswerRooms {
  readonly #budget: AnswerBudget;
  readonly #turns: Turns;
  readonly #logger: Logger;

  /** @param turns when the pieces of long answers are made */
  constructor(budget: AnswerBudget, turns: Turns, logger: Logger) {
    this.#budget = budget;
    this.#turns = turns;
    this.#logger = logger;
  }

  /**
   * Waits for a turn of the event loop in which a piece of a long answer may be made.
   *
   * @returns resolves in that turn
   */
  nextTurn(): Promise<void> {
    return this.#turns.next();
  }

  /**
   * Takes room for text that is about to be brought into memory.
   *
   * @returns undefined where the room is there; otherwise a promise, after which the size is looked up anew and room is taken for that
   * @throws {AppError} `busy`, by the promise
   */
  take(ctx: AppContext, sizeBytes: number): Promise<void> | undefined {
    return this.#roomOf(ctx).take(sizeBytes * BYTES_PER_BYTE);
  }

  /**
   * Sends a text in parts.
   *
   * @param texts one after another; room has been taken for each when it comes
   */
  send(ctx: AppContext, texts: Texts): void {
    ctx.body = Readable.from(this.#partsOf(ctx, texts), { objectMode: true, highWaterMark: 0 });
  }

  async* #partsOf(ctx: AppContext, texts: Texts): AsyncGenerator<Buffer, void, undefined> {
    const { state } = ctx;
    const room = this.#roomOf(ctx);
    for await (const text of texts) {
      await this.nextTurn();
      const bytes = typeof text === 'string' ? Buffer.from(text) : text;
      for (let offset = 0; offset < bytes.length; offset += PART_BYTES) {
        state.authorization?.assertHolds();
        const part = bytes.subarray(offset, offset + PART_BYTES);
        state.streamedBytes += part.length;
        room.awaitReader();
        yield part;
        room.readerTook();
      }
    }
  }

  #roomOf(ctx: AppContext): AnswerRoom {
    return (ctx.state.room ??= this.#open(ctx));
  }

  #open(ctx: AppContext): AnswerRoom {
    const { state, req, res } = ctx;
    const cut = (): void => {
      this.#logger.warn({ request_id: state.requestId }, 'a reader that took nothing of its answer was cut off: others wait for room');
      req.socket.destroy();
    };
    const room = this.#budget.open({ caller: callerOf(state), cut });
    if (res.closed || req.socket.destroyed) room.release();
    else res.once('close', () => room.release());
    return room;
  }
}

/** Callers without a key are distinguished by their address. */
function callerOf({ principal, remote }: AppContext['state']): string {
  return principal === null || principal.kind === 'anonymous' ? `anonymous ${remote}` : actorOf(principal);
}
