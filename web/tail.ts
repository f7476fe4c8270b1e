/**
 * Follows the log of a project: the last events first, then what is written. The stream reconnects by itself and says so.
 */
import { useEffect, useRef, useState } from 'preact/hooks';
import { type ChangeEvent, type EventOp, type SimpleKv, SimpleKvError, type WatchConnection } from '../src/client/index.js';
import { isAbort, messageOf, reasonOf } from './failures.js';
import { duration } from './format.js';
import { endsSession } from './notices.js';
import { projectClient } from './session.js';

/** A line of the view: an event, or what happened to the stream. */
export type Item = { readonly kind: 'event'; readonly event: ChangeEvent<string> } | Mark;

/** What happened to the stream. */
interface Mark {
  readonly kind: 'mark';
  readonly id: number;
  readonly text: string;
}

/** How the stream is. */
export type Connection = 'connecting' | 'open' | { readonly waitMs: number; readonly reason: string } | { readonly failure: string };

/** Which events are followed; an empty text selects all. */
export interface Filter {
  readonly prefix: string;
  readonly op: EventOp | '';
  readonly actor: string;
}

/** What is followed, and what can be done with it. */
export interface Tail {
  /** Newest first. */
  readonly items: readonly Item[];
  /** How many came while it was paused. */
  readonly heldCount: number;
  readonly connection: Connection;
  readonly isPaused: boolean;
  readonly pause: () => void;
  readonly resume: () => void;
  readonly clear: () => void;
  readonly reconnect: () => void;
}

/** Lines that are kept; older ones leave the page, and are in the log. */
export const SHOWN_MAX = 500;
const EARLIER_EVENTS = 50;
const MS_PER_SECOND = 1000;

/** Follows a project while the view is shown. */
export function useTail(project: string, filter: Filter): Tail {
  const [items, setItems] = useState<readonly Item[]>([]);
  const [held, setHeld] = useState<readonly Item[]>([]);
  const [isPaused, setIsPaused] = useState(false);
  const [connection, setConnection] = useState<Connection>('connecting');
  const [round, setRound] = useState(0);
  const paused = useRef(isPaused);
  paused.current = isPaused;
  useEffect(() => {
    const controller = new AbortController();
    const { signal } = controller;
    const add = (item: Item): void => {
      const update = (before: readonly Item[]): readonly Item[] => [item, ...before].slice(0, SHOWN_MAX);
      if (signal.aborted) return;
      if (paused.current) setHeld(update);
      else setItems(update);
    };
    const replace = (mark: Mark): void => {
      const update = (before: readonly Item[]): readonly Item[] => (
        before.map((item) => (item.kind === 'mark' && item.id === mark.id ? mark : item))
      );
      if (signal.aborted) return;
      setHeld(update);
      setItems(update);
    };
    const onConnection = (state: Connection): void => {
      if (!signal.aborted) setConnection(state);
    };
    setItems([]);
    setHeld([]);
    setConnection('connecting');
    follow(project, filter, { signal, add, replace, onConnection }).catch((error: unknown) => {
      if (!isAbort(error) && !endsSession(error)) onConnection({ failure: messageOf(error) });
    });
    return () => controller.abort(new DOMException('The view is no longer shown', 'AbortError'));
  }, [project, filter, round]);
  const resume = (): void => {
    setItems((before) => [...held, ...before].slice(0, SHOWN_MAX));
    setHeld([]);
    setIsPaused(false);
  };
  return {
    items, heldCount: held.length, connection, isPaused, resume, pause: () => setIsPaused(true), clear: () => setItems([]),
    reconnect: () => setRound((before) => before + 1),
  };
}

interface Sink {
  readonly signal: AbortSignal;
  /** Adds a line on top. */
  readonly add: (item: Item) => void;
  /** Puts a mark in the place of the one with its id. */
  readonly replace: (mark: Mark) => void;
  readonly onConnection: (state: Connection) => void;
}

let lastMark = 0;

function markOf(text: string): Mark {
  lastMark += 1;
  return { kind: 'mark', id: lastMark, text };
}

async function follow(project: string, filter: Filter, sink: Sink): Promise<void> {
  const { signal, onConnection } = sink;
  const begin = await addEarlier(project, filter, sink);
  const outage = new Outage(sink);
  const noteConnection = (state: WatchConnection): void => {
    onConnection(state.state === 'open' ? 'open' : waitingOf(state));
    if (state.state === 'open') outage.end();
    else outage.go(reasonOf(state.reason));
  };
  const ops = filter.op === '' ? {} : { ops: [filter.op] };
  const options = { ...wantedOf(filter), ...ops, since: begin, signal, onConnection: noteConnection };
  for await (const event of projectClient(project).watch<string>(options)) {
    if (event.op === 'live') continue;
    outage.forget();
    if ('line' in event) sink.add({ kind: 'event', event });
    else sink.add(markOf('A gap: this is another log, or lines are no longer kept. What follows is complete again.'));
  }
}

/**
 * Adds the last events, once the server answers.
 *
 * @returns the seq of the newest line
 */
async function addEarlier(project: string, filter: Filter, { signal, add, onConnection }: Sink): Promise<number> {
  const client = projectClient(project);
  const op = filter.op === '' ? {} : { op: filter.op };
  for (;;) {
    try {
      const until = await newestSeq(client, { signal, onConnection });
      const earlier: ChangeEvent<string>[] = [];
      const last = client.events<string>({ ...wantedOf(filter), ...op, until, reverse: true, limit: EARLIER_EVENTS, signal });
      for await (const event of last) earlier.push(event);
      for (const event of earlier.reverse()) add({ kind: 'event', event });
      return until;
    } catch (error) {
      if (!(error instanceof SimpleKvError && error.isRetryable)) throw error;
    }
  }
}

/** Asks with a stream, which is tried until the server answers. */
async function newestSeq(client: SimpleKv, { signal, onConnection }: Pick<Sink, 'signal' | 'onConnection'>): Promise<number> {
  const noteConnection = (state: WatchConnection): void => onConnection(state.state === 'open' ? 'connecting' : waitingOf(state));
  for await (const event of client.watch({ since: 'now', signal, onConnection: noteConnection })) if (event.op === 'live') return event.seq;
  throw new Error('The stream ended before it began');
}

function waitingOf({ waitMs, reason }: Extract<WatchConnection, { readonly state: 'waiting' }>): Connection {
  return { waitMs, reason: reasonOf(reason) };
}

function wantedOf({ prefix, actor }: Filter): { readonly prefix?: string; readonly actor?: string } {
  return { ...(prefix === '' ? {} : { prefix }), ...(actor === '' ? {} : { actor }) };
}

/** The mark of an outage: one, however often the stream is tried again, until an event comes above it. */
class Outage {
  readonly #sink: Pick<Sink, 'add' | 'replace'>;
  #mark: Mark | undefined;
  #sinceMs = 0;

  constructor(sink: Pick<Sink, 'add' | 'replace'>) {
    this.#sink = sink;
  }

  /** It begins, or goes on. */
  go(reason: string): void {
    const text = `Interrupted: ${reason}. The stream goes on after the last line, so nothing is lost.`;
    if (this.#mark !== undefined) {
      this.#show({ ...this.#mark, text });
      return;
    }
    this.#sinceMs = Date.now();
    this.#mark = markOf(text);
    this.#sink.add(this.#mark);
  }

  /** The stream is back. */
  end(): void {
    if (this.#mark === undefined) return;
    this.#show({ ...this.#mark, text: `Reconnected after ${duration((Date.now() - this.#sinceMs) / MS_PER_SECOND)}.` });
  }

  /** What comes next is another one. */
  forget(): void {
    this.#mark = undefined;
  }

  #show(mark: Mark): void {
    this.#mark = mark;
    this.#sink.replace(mark);
  }
}
