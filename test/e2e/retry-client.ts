/** A client of a retry loop: it sends writes with an idempotency key, and sends them again and again, until the server is gone. */
import assert from 'node:assert/strict';
import type { FoundEvent } from './log-files.js';
import type { Answer, ServerUnderTest } from './server-under-test.js';

const KEYS = 12;
/** Share of what is sent that was sent before. */
const RETRY_SHARE = 0.8;
/** Share of new requests that are sent twice at the same time. */
const TWIN_SHARE = 0.2;

/** What an answer says that a request did; without a hash if it made no line. */
interface Told {
  readonly status: number;
  readonly seq: number | undefined;
  readonly hash: string | undefined;
  readonly deleted: number | undefined;
}

/** A request as it is sent each time. */
interface Write {
  readonly key: string;
  readonly method: string;
  readonly target: string;
  readonly body?: string;
}

/** What a client has seen. */
export interface RetryCounts {
  /** Requests that made a line. */
  readonly requests: number;
  /** Requests that were sent again. */
  readonly retries: number;
  /** Of these, those sent before a kill. */
  readonly retriesAfterKill: number;
  /** Requests that had no answer when the server was killed. */
  readonly unanswered: number;
  /** Of these, those that had made a line, as the answer after the start said. */
  readonly settled: number;
}

/** One client. */
export class RetryClient {
  readonly counts = { requests: 0, retries: 0, retriesAfterKill: 0, unanswered: 0, settled: 0 };
  readonly #random: () => number;
  readonly #project: string;
  /** Begins its keys; other clients with another API key have the same. */
  readonly #name: string;
  /** How the actors of its lines begin. */
  readonly #actor: string;
  /** Requests that made a line, and how many there were at the last kill. */
  readonly #done: (readonly [Write, Told])[] = [];
  readonly #withoutLine: Write[] = [];
  #doneBeforeKill = 0;
  /** Sent, and not answered. */
  #open: Write | undefined;
  #count = 0;

  constructor(random: () => number, { project, name, actor }: { readonly project: string; readonly name: string; readonly actor: string }) {
    this.#random = random;
    this.#project = project;
    this.#name = name;
    this.#actor = actor;
  }

  /** Goes on until the server is gone. */
  async run(server: ServerUnderTest, apiKey: string): Promise<void> {
    this.#doneBeforeKill = this.#done.length;
    if (this.#open !== undefined) this.counts.unanswered += 1;
    try {
      if (this.#open !== undefined) await this.#send(server, apiKey, this.#open);
      for (;;) {
        if (this.#done.length > 0 && this.#random() < RETRY_SHARE) await this.#retry(server, apiKey);
        else await this.#sendNew(server, apiKey);
      }
    } catch (error) {
      // A connection that broke is what is to happen; an answer that should not be is not.
      if (error instanceof assert.AssertionError) throw error;
    }
  }

  async #sendNew(server: ServerUnderTest, apiKey: string): Promise<void> {
    const write = this.#newWrite();
    this.#open = write;
    if (this.#random() >= TWIN_SHARE) return await this.#send(server, apiKey, write);
    const answers = await Promise.all([1, 2].map(() => server.send(write.method, write.target, sentOf(write, apiKey))));
    const [first, second] = answers.map(toldBy);
    assert.ok(first && second);
    // The first made the line, or neither of them; a deletion of what is not there is decided each time.
    assert.deepEqual(first, second, `twins of ${write.key}`);
    if (first.hash !== undefined) {
      const marks = answers.filter(({ headers }) => headers['idempotency-replayed'] === 'true').length;
      assert.equal(marks, 1, `one of the twins of ${write.key} made the line`);
      this.counts.retries += 1;
    }
    this.#note(write, first);
  }

  async #send(server: ServerUnderTest, apiKey: string, write: Write): Promise<void> {
    const answer = await server.send(write.method, write.target, sentOf(write, apiKey));
    if (answer.headers['idempotency-replayed'] === 'true') this.counts.settled += 1;
    this.#note(write, toldBy(answer));
  }

  #note(write: Write, told: Told): void {
    this.#open = undefined;
    if (told.hash === undefined) {
      this.#withoutLine.push(write);
      return;
    }
    this.#done.push([write, told]);
    this.counts.requests += 1;
  }

  async #retry(server: ServerUnderTest, apiKey: string): Promise<void> {
    const index = Math.floor(this.#random() * this.#done.length);
    const [write, told] = this.#done[index] ?? assert.fail('there is one');
    const answer = await server.send(write.method, write.target, sentOf(write, apiKey));
    assert.deepEqual(toldBy(answer), told, `${write.method} ${write.target} with ${write.key}`);
    assert.equal(answer.headers['idempotency-replayed'], 'true', write.key);
    this.counts.retries += 1;
    if (index < this.#doneBeforeKill) this.counts.retriesAfterKill += 1;
  }

  #newWrite(): Write {
    this.#count += 1;
    const key = `${this.#name}-${this.#count}`;
    const keys = `/api/v1/projects/${this.#project}/keys`;
    // No other client changes these: what is there then depends on this one only.
    const own = `${this.#actor.split(/[:#]/)[0] ?? ''}.${this.#name}`;
    const name = `${own}.${Math.floor(this.#random() * KEYS)}`;
    const value = JSON.stringify({ by: this.#actor, n: this.#count });
    const choice = this.#random();
    if (choice < 0.3) return { key, method: 'PUT', target: `${keys}/${name}`, body: value };
    // Sent again, its condition would not hold.
    if (choice < 0.5) return { key, method: 'POST', target: `${keys}/once.${own}.${key}?if_seq=0`, body: value };
    if (choice < 0.7) return { key, method: 'DELETE', target: `${keys}/${name}` };
    if (choice < 0.75) return { key, method: 'DELETE', target: `${keys}?prefix=${name}` };
    const other = `${own}.${Math.floor(this.#random() * KEYS)}`;
    const ops = [{ op: 'set', key: name, value: this.#count }, { op: 'delete', key: other }];
    const body = JSON.stringify({ ops: choice < 0.9 ? ops : ops.slice(1) });
    return { key, method: 'POST', target: `/api/v1/projects/${this.#project}/batch`, body };
  }

  /** Compares with the log: a line for each request that was answered with one, and none for the others. */
  compare(events: readonly FoundEvent[]): void {
    const lines = new Map<string, FoundEvent>();
    for (const event of events) {
      const [, actor = '', request = ''] = /"actor":"([^"]*)","request":"idem:([^"]*)"/.exec(event.line) ?? [];
      if (!actor.startsWith(this.#actor) || !request.startsWith(`${this.#name}-`)) continue;
      assert.ok(!lines.has(request), `${request} of ${actor} has one line`);
      lines.set(request, event);
    }
    for (const [{ key }, { seq, hash }] of this.#done) {
      const line = lines.get(key);
      assert.deepEqual([line?.seq, line?.hash], [seq, hash], key);
      lines.delete(key);
    }
    for (const { key } of this.#withoutLine) assert.ok(!lines.has(key), `${key} changed nothing, and has no line`);
    if (this.#open !== undefined) lines.delete(this.#open.key);
    assert.deepEqual([...lines.keys()], [], 'every line was asked for');
  }
}

function sentOf({ key, body }: Write, apiKey: string): Parameters<ServerUnderTest['send']>[2] {
  return { key: apiKey, headers: { 'Idempotency-Key': key }, ...(body === undefined ? {} : { body }) };
}

function toldBy({ status, text }: Answer): Told {
  assert.ok(status === 200 || status === 201 || status === 404, `${status} ${text}`);
  const { seq, hash, deleted } = JSON.parse(text) as Partial<Told>;
  return hash === undefined ? { status, seq: undefined, hash, deleted: undefined } : { status, seq, hash, deleted };
}
