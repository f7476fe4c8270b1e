/** Reads a stream of events as a client does: the frames of server-sent events, or lines. */
import { type ClientRequest, type IncomingMessage, request as httpRequest } from 'node:http';
import { setTimeout as sleep } from 'node:timers/promises';
import { checkAnswer } from '../api/check-answer.js';

/** A server-sent event. */
export interface Frame {
  readonly id: string | undefined;
  readonly event: string | undefined;
  readonly data: string;
}

/** What to read. */
export interface ReaderOptions {
  readonly port: number;
  readonly path: string;
  readonly key: string | null;
  /** @default text/event-stream */
  readonly accept?: string;
  readonly headers?: Readonly<Record<string, string>>;
}

const WAIT_MS = 30_000;
const POLL_MS = 5;
const OK = 200;

/** One connection that reads events. */
export class EventReader {
  readonly frames: Frame[] = [];
  /** Lines, of a stream that consists of them. */
  readonly lines: string[] = [];
  /** Number of comments. */
  heartbeats = 0;
  /** How the stream ended; undefined while it goes on. */
  ending: 'ended' | 'cut off' | undefined;
  readonly response: Promise<IncomingMessage>;
  readonly #request: ClientRequest;
  #text = '';
  /** Why the answer is not a documented one. */
  #fault: Error | undefined;

  constructor({ port, path, key, accept = 'text/event-stream', headers = {} }: ReaderOptions) {
    const credentials = key === null ? {} : { Authorization: `Bearer ${key}` };
    this.#request = httpRequest({ port, host: '127.0.0.1', path, agent: false, headers: { Accept: accept, ...credentials, ...headers } });
    this.response = new Promise((resolve, reject) => {
      this.#request.on('error', (error) => {
        this.ending ??= 'cut off';
        reject(error);
      });
      this.#request.on('response', (response) => {
        // What came with the head is all that the document describes of a stream.
        try {
          if (response.statusCode === OK) checkAnswer('GET', path, { status: OK, headers: response.headers, text: '' });
        } catch (error) {
          this.#fault = error as Error;
        }
        response.setEncoding('utf8').on('data', (text: string) => this.#take(text, accept));
        response.on('end', () => void (this.ending ??= 'ended'));
        for (const name of ['aborted', 'error', 'close']) response.on(name, () => void (this.ending ??= 'cut off'));
        resolve(response);
      });
    });
    this.response.catch(() => undefined);
    this.#request.end();
  }

  #take(text: string, accept: string): void {
    this.#text += text;
    const mark = accept === 'text/event-stream' ? '\n\n' : '\n';
    const parts = this.#text.split(mark);
    this.#text = parts.pop() ?? '';
    for (const part of parts) {
      if (mark === '\n') this.lines.push(part);
      else if (part.startsWith(':')) this.heartbeats += 1;
      else this.frames.push(frameOf(part));
    }
  }

  /** The lines of the log that came as events, in order. */
  get events(): string[] {
    return this.frames.filter(({ data }) => data.startsWith('{"seq":') && data.includes(',"hash":')).map(({ data }) => data);
  }

  /** The ids that a client keeps: the last one is where it continues. */
  get lastId(): string | undefined {
    return this.frames.findLast(({ id }) => id !== undefined)?.id;
  }

  /** Seqs of all events or lines. */
  get seqs(): number[] {
    return [...this.events, ...this.lines].map((line) => (JSON.parse(line) as { seq: number }).seq);
  }

  /** Waits until something holds. */
  async until(what: string, holds: (reader: this) => boolean): Promise<void> {
    const deadlineMs = performance.now() + WAIT_MS;
    for (;;) {
      if (this.#fault !== undefined) throw this.#fault;
      if (holds(this)) return;
      if (performance.now() > deadlineMs) {
        const last = JSON.stringify(this.frames.slice(-3));
        throw new Error(`Waited in vain for ${what}: ${this.ending ?? 'open'}, ${last}, ${this.lines.length} lines`);
      }
      await sleep(POLL_MS);
    }
  }

  /** Waits for a frame. */
  async frame(event: string): Promise<Frame> {
    await this.until(`the frame ${event}`, ({ frames }) => frames.some((frame) => frame.event === event));
    return this.frames.find((frame) => frame.event === event) as Frame;
  }

  /** Waits for the end. */
  async end(): Promise<'ended' | 'cut off'> {
    await this.until('the end', ({ ending }) => ending !== undefined);
    return this.ending as 'ended' | 'cut off';
  }

  /** Reads nothing from now on. */
  async stall(): Promise<void> {
    (await this.response).pause();
  }

  /** Disconnects. */
  close(): void {
    this.ending ??= 'cut off';
    this.#request.destroy();
  }
}

function frameOf(text: string): Frame {
  const fields = new Map(text.split('\n').map((line) => [line.slice(0, line.indexOf(':')), line.slice(line.indexOf(':') + 2)]));
  return { id: fields.get('id'), event: fields.get('event'), data: fields.get('data') ?? '' };
}
