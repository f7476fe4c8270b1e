/**
 * Answers that go out before the request's body has come in whole. Closing a socket that holds unread bytes makes the system send
 * a reset, which can destroy the answer on its way; so the answer is written at once, what still comes is read and dropped for a
 * moment, and only then the connection closes.
 */
import type { IncomingMessage } from 'node:http';
import { setImmediate as nextTurn } from 'node:timers/promises';
import type { AppContext, AppMiddleware } from '../context.js';
import { announcesBody, awaitsContinue } from '../request-body.js';

/** How long the rest of a body is read and dropped, in milliseconds. */
export const UNREAD_BODY_MS = 1000;

/** Lets an answer arrive although the body was not read. */
export function unreadBody(): AppMiddleware {
  return async function answerBeforeBodyEnds(ctx, next) {
    await next();
    if (!announcesBody(ctx.req) || ctx.req.complete || (await comesAtOnce(ctx.req))) return;
    ctx.set('Connection', 'close');
    const body = ctx.body;
    // A streamed answer takes its own time; by its end the body has come or the connection may as well break.
    if (!(typeof body === 'string' || Buffer.isBuffer(body) || body === null || body === undefined)) return;
    ctx.respond = false;
    writeAnswer(ctx, body ?? null);
    // Who was never told to send its body has nothing on the way.
    if (!awaitsContinue(ctx.req) || ctx.state.bodyWanted) await dropBody(ctx.req);
    ctx.res.end();
  };
}

/** Drops what is there already. A small body lies in the same packet as the headers, and its connection can stay open. */
async function comesAtOnce(request: IncomingMessage): Promise<boolean> {
  request.resume();
  await nextTurn();
  return request.complete;
}

function writeAnswer(ctx: AppContext, body: string | Buffer | null): void {
  if (body === null || ctx.method === 'HEAD') {
    if (body !== null) ctx.length = Buffer.byteLength(body);
    ctx.res.flushHeaders();
    return;
  }
  ctx.length = Buffer.byteLength(body);
  ctx.res.write(body);
}

function dropBody(request: IncomingMessage): Promise<void> {
  return new Promise((resolve) => {
    const timer = setTimeout(resolve, UNREAD_BODY_MS);
    const finish = (): void => {
      clearTimeout(timer);
      resolve();
    };
    request.once('end', finish);
    request.once('close', finish);
    request.once('error', finish);
    request.resume();
  });
}
