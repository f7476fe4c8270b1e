/** A client of a kill loop: it changes and reads keys of one project until the server is gone, and notes every answer. */
import assert from 'node:assert/strict';
import type { Durability } from '../../src/base/durability.js';
import type { KillLedger, SentBatch } from './kill-ledger.js';
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
        if (choice < 0.55) await this.#put(server, key, { name: this.#own() });
        else if (choice < 0.7) await this.#batch(server, key);
        else if (choice < 0.78) await this.#delete(server, key);
        else if (choice < 0.8) await this.#deleteRange(server, key);
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
    const { ledger } = this.#project;
    const value = this.#newValue();
    const condition = to.tag === undefined ? {} : { headers: to.tag === '' ? { 'If-None-Match': '*' } : { 'If-Match': to.tag } };
    ledger.unknown.add(value);
    // Some values expire, long after the loop.
    const query = this.#random() < 0.3 ? '?ttl_seconds=86400' : '';
    const answer = await server.send('PUT', this.#target(to.name) + query, { key, body: value, ...condition });
    ledger.unknown.delete(value);
    if (answer.status === 412 || isStopping(answer)) ledger.refused.add(value);
    else ledger.receipts.push({ changes: [{ key: to.name, value }], ...this.#receiptOf(answer) });
  }

  async #delete(server: ServerUnderTest, key: string): Promise<void> {
    const { ledger } = this.#project;
    const name = this.#own();
    ledger.unknownDeletions += 1;
    const answer = await server.send('DELETE', this.#target(name), { key });
    ledger.unknownDeletions -= 1;
    if (answer.status === 404 || isStopping(answer)) return;
    ledger.receipts.push({ changes: [{ key: name, value: null }], ...this.#receiptOf(answer) });
  }

  /** Deletes several of its own keys at once. */
  async #deleteRange(server: ServerUnderTest, key: string): Promise<void> {
    const { id, ledger } = this.#project;
    const answer = await server.send('DELETE', `/api/v1/projects/${id}/keys?prefix=w${this.#index}/1`, { key });
    if (isStopping(answer)) return;
    const { deleted } = JSON.parse(answer.text) as { deleted: number };
    if (deleted > 0) ledger.receipts.push({ changes: [], ...this.#receiptOf(answer) });
  }

  #newValue(): string {
    this.#count += 1;
    return JSON.stringify({ w: this.#index, n: this.#count, pad: 'x'.repeat(Math.floor(this.#random() * this.#project.paddingMax)) });
  }

  /** Sets two keys and deletes a third at once, if a key that all writers share is still as it was read. */
  async #batch(server: ServerUnderTest, key: string): Promise<void> {
    const { ledger } = this.#project;
    const shared = this.#shared();
    const tag = await this.#look(server, key, shared);
    const [first, second, third] = [0, 1, 2].map((at) => `w${this.#index}/${(this.#count + at) % OWN_KEYS}`);
    const sets = [first, second].map((name) => ({ key: name ?? '', value: this.#newValue() }));
    const deleted = third ?? '';
    const sent: SentBatch = { values: sets.map(({ value }) => value), deleted: [deleted] };
    const ops = [
      tag === '' ? { op: 'check', key: shared, if_seq: 0 } : { op: 'check', key: shared, if_match: tag },
      ...sets.map(({ key: name, value }, at) => (
        { op: 'set', key: name, value: JSON.parse(value) as unknown, ...(at === 0 && { ttl_seconds: 86_400 }) }
      )),
      { op: 'delete', key: deleted },
    ];
    for (const value of sent.values) {
      ledger.batches.set(value, sent);
      ledger.unknown.add(value);
    }
    const answer = await server.send('POST', `/api/v1/projects/${this.#project.id}/batch`, { key, body: JSON.stringify({ ops }) });
    const isRefused = answer.status === 412 || isStopping(answer);
    for (const value of sent.values) {
      ledger.unknown.delete(value);
      if (isRefused) ledger.refused.add(value);
    }
    if (isRefused) return;
    const { results = [] } = JSON.parse(answer.text) as { results?: readonly { readonly existed?: boolean }[] };
    const changes = [...sets, ...(results.at(-1)?.existed === true ? [{ key: deleted, value: null }] : [])];
    ledger.receipts.push({ changes, ...this.#receiptOf(answer) });
  }

  #shared(): string {
    return `shared/${Math.floor(this.#random() * SHARED_KEYS)}`;
  }

  /** Reads a key; returns its tag, empty if it is not there. */
  async #look(server: ServerUnderTest, key: string, name: string): Promise<string> {
    const { ledger } = this.#project;
    const { status, headers, text } = await server.send('GET', this.#target(name), { key });
    if (status === 503) throw new Error('The server is stopping');
    assert.ok(status === 200 || status === 404, text);
    const tag = status === 404 ? '' : String(headers.etag);
    ledger.reads += 1;
    if (tag !== '') ledger.seen.set(Number(/^"(\d+)-/.exec(tag)?.[1]), { key: name, value: text });
    return tag;
  }

  /** Reads a key that all writers of the project share, and replaces just that version. */
  async #replace(server: ServerUnderTest, key: string): Promise<void> {
    const name = this.#shared();
    await this.#put(server, key, { name, tag: await this.#look(server, key, name) });
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
