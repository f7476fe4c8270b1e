/**
 * Sends answers: at once where the text is short and the body of the request has arrived, which is the usual case; long texts in parts; and
 * answers that are sent before the body of the request has arrived.
 *
 * Closing a socket with unread bytes makes the system send a reset, which can destroy an answer in transit. So such an answer is written at
 * once, the rest of the body is read and discarded for a moment, and only then the connection closes.
 */
import type { IncomingMessage, ServerResponse } from 'node:http';
import { setImmediate as nextTurn } from 'node:timers/promises';
import { invariant } from '../base/invariant.js';
import { DirectResponse } from './direct/direct-message.js';
import type { Answer, Exchange, Texts } from './exchange.js';
import type { HttpOptions } from './http-options.js';
import { type LongAnswers, SHORT_TEXT_CHARACTERS } from './long-answers.js';
import type { RequestHead } from './message.js';
import { announcesBody, awaitsContinue } from './request-body.js';
import { messageText, sendInOneWrite, type WholeMessage } from './whole-message.js';

/** How long the rest of a body is read and discarded, in milliseconds. */
const UNREAD_BODY_MS = 1000;
const CLOSING: readonly string[] = ['Connection', 'close'];

/** An answer whose text is sent in parts; the length is sent if it is known. */
interface PartedAnswer extends Answer {
  readonly body: Texts;
  readonly sizeBytes: number | undefined;
}

/** Looked up at each answer. */
interface SenderOptions {
  readonly timeouts: Pick<HttpOptions['timeouts'], 'keepAliveMs'>;
}

/** Sends answers. */
export class AnswerSender {
  readonly #longAnswers: LongAnswers;
  readonly #options: SenderOptions;

  constructor(longAnswers: LongAnswers, options: SenderOptions) {
    this.#longAnswers = longAnswers;
    this.#options = options;
  }

  /**
   * Sends an answer. Does nothing if one was sent, or the client is gone.
   *
   * @returns a promise only if it cannot be sent at once
   * @throws {AppError} through the promise, before anything was sent: memory was not free in time, or the authorization has ended
   * @throws {Error} through the promise, after a part was sent
   */
  send(exchange: Exchange, answer: Answer): Promise<void> | undefined {
    if (!exchange.isOpen) return undefined;
    const { request } = exchange;
    if (answer.stream === undefined && isShort(answer.body, request) && (!announcesBody(request) || request.complete)) {
      this.#sendWhole(exchange, answer, answer.body);
      return undefined;
    }
    return this.#sendSlowly(exchange, answer);
  }

  async #sendSlowly(exchange: Exchange, answer: Answer): Promise<void> {
    const { request } = exchange;
    const parted = await this.#parted(exchange, answer);
    const isUnread = announcesBody(request) && !request.complete && !(await arrivesAtOnce(exchange.nodeRequest));
    if (!exchange.isOpen) return;
    const closing = isUnread ? CLOSING : [];
    if (answer.stream !== undefined) {
      exchange.nodeResponse.writeHead(answer.status, headOf(exchange, [...answer.headers, ...closing], undefined));
      exchange.nodeResponse.flushHeaders();
      await answer.stream();
      return;
    }
    if (parted !== undefined) {
      // It takes longer; by its end the body has arrived, or the connection may as well break.
      await this.#sendParts(exchange, { ...parted, headers: [...parted.headers, ...closing] });
      return;
    }
    const body = answer.body as string | Buffer | null;
    if (isUnread) await sendBeforeBody(exchange, { ...answer, headers: [...answer.headers, ...closing] }, body);
    else this.#sendWhole(exchange, answer, body);
  }

  #sendWhole(exchange: Exchange, answer: Answer, body: string | Buffer | null): void {
    const { request, response } = exchange;
    const { headers, sizeBytes } = headFor(exchange, answer, body);
    const sent = request.method === 'HEAD' || body === null ? '' : body;
    const { status } = answer;
    const { keepAliveMs } = this.#options.timeouts;
    const message: WholeMessage = { status, headers, body: sent, sizeBytes: sizeBytes ?? 0, keepAliveMs };
    if (response instanceof DirectResponse) {
      const text = messageText(message);
      invariant(text !== undefined, 'the headers of a direct answer are printable');
      response.send(status, text);
      return;
    }
    const { nodeResponse } = exchange;
    if (sizeBytes !== undefined && sendInOneWrite(nodeResponse, message)) return;
    nodeResponse.writeHead(status, headers);
    nodeResponse.end(sent);
  }

  /** Reserves memory for a long text. Undefined for an answer that is sent whole. */
  async #parted(exchange: Exchange, { status, headers, body }: Answer): Promise<PartedAnswer | undefined> {
    if (isShort(body, exchange.request)) return undefined;
    if (!(typeof body === 'string' || Buffer.isBuffer(body))) return { status, headers, body, sizeBytes: undefined };
    const sizeBytes = Buffer.byteLength(body);
    await this.#longAnswers.reserve(exchange, sizeBytes);
    exchange.authorization?.assertHolds();
    return { status, headers, body: [body], sizeBytes };
  }

  /** The head is sent with the first part: until then, an error can be answered. */
  async #sendParts(exchange: Exchange, { status, headers, body, sizeBytes }: PartedAnswer): Promise<void> {
    const { nodeResponse: response } = exchange;
    let isBegun = false;
    for await (const part of this.#longAnswers.partsOf(exchange, body)) {
      // While memory and a turn were awaited, the client may have left, or its malformed body may have been answered.
      if (!isBegun && !exchange.isOpen) return;
      if (!isBegun) response.writeHead(status, headOf(exchange, headers, sizeBytes));
      isBegun = true;
      await taken(response, part);
      if (isOver(response)) throw new Error('The client left before the end of the answer');
      exchange.responseBytes += part.length;
    }
    response.end();
  }
}

function isShort(body: Answer['body'], { method }: RequestHead): body is string | Buffer | null {
  if (body === null) return true;
  return (typeof body === 'string' || Buffer.isBuffer(body)) && (body.length <= SHORT_TEXT_CHARACTERS || method === 'HEAD');
}

function headOf({ requestId, addedHeaders, rate }: Exchange, headers: readonly string[], sizeBytes: number | undefined): string[] {
  const head = ['X-Request-Id', requestId, 'X-Content-Type-Options', 'nosniff', ...headers];
  if (addedHeaders.length > 0) head.push(...addedHeaders);
  if (rate !== null) head.push(...rate.headers);
  if (sizeBytes !== undefined) head.push('Content-Length', String(sizeBytes));
  return head;
}

/** The head of an answer that is not sent in parts, whose facts the exchange keeps. */
function headFor(
  exchange: Exchange, { headers, headBytes, problemCode }: Answer, body: string | Buffer | null,
): { readonly headers: string[]; readonly sizeBytes: number | undefined } {
  exchange.problemCode = problemCode ?? null;
  const sizeBytes = body === null ? headBytes : Buffer.byteLength(body);
  if (exchange.request.method !== 'HEAD') exchange.responseBytes = sizeBytes ?? 0;
  return { headers: headOf(exchange, headers, sizeBytes), sizeBytes };
}

async function sendBeforeBody(exchange: Exchange, answer: Answer, body: string | Buffer | null): Promise<void> {
  const { nodeRequest: request, nodeResponse: response } = exchange;
  response.writeHead(answer.status, headFor(exchange, answer, body).headers);
  if (body === null || request.method === 'HEAD') response.flushHeaders();
  else response.write(body);
  // A client still waiting for 100 Continue has not sent a body.
  if (!awaitsContinue(request) || exchange.bodyWanted) await dropBody(request);
  response.end();
}

/** Discards what has arrived. A small body comes in the same packet as the headers, and its connection can stay open. */
async function arrivesAtOnce(request: IncomingMessage): Promise<boolean> {
  request.resume();
  await nextTurn();
  return request.complete;
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

function isOver({ destroyed, closed, writableEnded }: ServerResponse): boolean {
  return destroyed || closed || writableEnded;
}

/** Sends a part. Resolves once its bytes are not needed any more, or the client is gone. */
function taken(response: ServerResponse, part: Buffer): Promise<void> {
  return new Promise((resolve) => {
    const finish = (): void => {
      response.off('close', finish);
      resolve();
    };
    response.on('close', finish);
    response.write(part, finish);
    if (isOver(response)) finish();
  });
}
