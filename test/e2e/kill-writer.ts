/** A client of a kill loop: it changes and reads keys of one project until the server is gone, and notes every answer. */
import assert from 'node:assert/strict';
import type { Durability } from '../../src/base/durability.js';
import type { KillLedger } from './kill-ledger.js';
import type { Answer, ServerUnderTest } from './server-under-test.js';

const OWN_KEYS = 40;
const SHARED_KEYS = 4;

/** The project that a writer writes to. */
export interface WrittenProject {
  readonly id: string;
  readonly durability: Durability;
  readonly ledger: KillLedger;
  /** Longest text that a value is filled up with, in characters. */
  readonly paddingMax: number;
}

/** One client. */
export class KillWriter {
  readonly #index: number;
  readonly #random: () => number;
  readonly #project: WrittenProject;
  #count = 0;

  /**
   * @param index its number, which its values carry
   * @param random numbers from 0 up to 1
   * @param project where it writes
   */
  constructor(index: number, random: () => number, project: WrittenProject) {
    this.#index = index;
    this.#random = random;
    this.#project = project;
  }

  /** Goes on until the server is gone. */
  async run(server: ServerUnderTest, key: string): Promise<void> {
    for (;;) {
      const choice = this.#random();
      try {
        if (choice < 0.7) await this.#put(server, key, { name: this.#own() });
        else if (choice < 0.8) await this.#delete(server, key);
        else await this.#replace(server, key);
      } catch (error) {
        // A connection that broke is what is to happen; an answer that should not be is not.
        if (error instanceof assert.AssertionError) throw error;
        return;
      }
    }
  }

  #own(): string {
    return `w${this.#index}/${Math.floor(this.#random() * OWN_KEYS)}`;
  }

  #target(name: string): string {
    return `/api/v1/projects/${this.#project.id}/keys/${name}`;
  }

  async #put(server: ServerUnderTest, key: string, to: { readonly name: string; readonly tag?: string }): Promise<void> {
    const { ledger, paddingMax } = this.#project;
    this.#count += 1;
    const value = JSON.stringify({ w: this.#index, n: this.#count, pad: 'x'.repeat(Math.floor(this.#random() * paddingMax)) });
    const condition = to.tag === undefined ? {} : { headers: to.tag === '' ? { 'If-None-Match': '*' } : { 'If-Match': to.tag } };
    ledger.unknown.add(value);
    const answer = await server.send('PUT', this.#target(to.name), { key, body: value, ...condition });
    ledger.unknown.delete(value);
    if (answer.status === 412 || isStopping(answer)) ledger.refused.add(value);
    else ledger.receipts.push({ key: to.name, value, ...this.#receiptOf(answer) });
  }

  async #delete(server: ServerUnderTest, key: string): Promise<void> {
    const { ledger } = this.#project;
    const name = this.#own();
    ledger.unknownDeletions += 1;
    const answer = await server.send('DELETE', this.#target(name), { key });
    ledger.unknownDeletions -= 1;
    if (answer.status !== 404 && !isStopping(answer)) ledger.receipts.push({ key: name, value: null, ...this.#receiptOf(answer) });
  }

  /** Reads a key that all writers of the project share, and replaces just that version. */
  async #replace(server: ServerUnderTest, key: string): Promise<void> {
    const { ledger } = this.#project;
    const name = `shared/${Math.floor(this.#random() * SHARED_KEYS)}`;
    const { status, headers, text } = await server.send('GET', this.#target(name), { key });
    if (status === 503) throw new Error('The server is stopping');
    assert.ok(status === 200 || status === 404, text);
    const tag = status === 404 ? '' : String(headers.etag);
    ledger.reads += 1;
    if (tag !== '') ledger.seen.set(Number(/^"(\d+)-/.exec(tag)?.[1]), { key: name, value: text });
    await this.#put(server, key, { name, tag });
  }

  /** An answer says that it came before the sync where, and only where, it did. */
  #receiptOf({ status, text }: Answer): { readonly seq: number; readonly hash: string } {
    assert.ok(status === 200 || status === 201, `${status} ${text}`);
    const { seq, hash, durable } = JSON.parse(text) as { seq: number; hash: string; durable?: false };
    assert.equal(durable, this.#project.durability === 'fsync' ? undefined : false, text);
    return { seq, hash };
  }
}

function isStopping({ status, text }: Answer): boolean {
  return status === 503 && text.includes('"code":"shutting_down"');
}
