/**
 * Answers that are long and were made whole: they take room of the budget like those that are made in parts, and are sent in parts.
 */
import { type AnswerRooms, SHORT_TEXT_CHARACTERS } from '../answer-rooms.js';
import type { AppMiddleware } from '../context.js';

/**
 * Sends long texts in parts, whichever route they come from.
 *
 * @returns the middleware; it refuses with 503 where there is no room within the longest wait, and where the right to the answer
 *   ends during that wait with what the request would be answered now
 */
export function longAnswers(rooms: AnswerRooms): AppMiddleware {
  return async function sendLongAnswers(ctx, next) {
    await next();
    const { body } = ctx;
    if (!(typeof body === 'string' || Buffer.isBuffer(body)) || body.length <= SHORT_TEXT_CHARACTERS || ctx.method === 'HEAD') return;
    const sizeBytes = Buffer.byteLength(body);
    await rooms.take(ctx, sizeBytes);
    ctx.state.authorization?.assertHolds();
    rooms.send(ctx, [body]);
    ctx.length = sizeBytes;
  };
}
