/**
 * Answers sent before the request's body has arrived. Closing a socket with unread bytes makes the system send a reset, which can destroy
 * an answer in transit. So the answer is written at once, the rest of the body is read and discarded for a moment, and only then the
 * connection closes.
 */
import type { IncomingMessage } from 'node:http';
import { setImmediate as nextTurn } from 'node:timers/promises';
import type { AppContext, AppMiddleware } from '../context.js';
import { announcesBody, awaitsContinue } from '../request-body.js';

/** How long the rest of a body is read and discarded, in milliseconds. */
const UNREAD_BODY_MS = 1000;

/** Delivers answers of requests whose body was not read. */
export function unreadBody(): AppMiddleware {
  return async function answerBeforeBodyEnds(ctx, next) {
    await next();
    if (!announcesBody(ctx.req) || ctx.req.complete || (await arrivesAtOnce(ctx.req))) return;
    ctx.set('Connection', 'close');
    const body = ctx.body;
    // A streamed answer takes longer; by its end the body has arrived, or the connection may as well break.
    if (!(typeof body === 'string' || Buffer.isBuffer(body) || body === null || body === undefined)) return;
    ctx.respond = false;
    writeAnswer(ctx, body ?? null);
    // A client still waiting for 100 Continue has not sent a body.
    if (!awaitsContinue(ctx.req) || ctx.state.bodyWanted) await dropBody(ctx.req);
    ctx.res.end();
  };
}

/** Discards what has arrived. A small body comes in the same packet as the headers, and its connection can stay open. */
async function arrivesAtOnce(request: IncomingMessage): Promise<boolean> {
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
