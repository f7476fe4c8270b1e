/**
 * Kills or stops the program again and again while clients write, and compares what is left with what was answered. The log's own files
 * are the witness. One function with parameters, for short and for long runs.
 */
import assert from 'node:assert/strict';
import { setTimeout as sleep } from 'node:timers/promises';
import { foldEvents, listingOf, readLogFiles, type FoundEvent, type FoundLog } from './log-files.js';
import type { Answer, ServerUnderTest, Workbench } from './server-under-test.js';
import { compareSnapshots } from './snapshot-files.js';

/** How a run is done. */
export interface KillLoopOptions {
  /** At least so many. */
  readonly kills: number;
  /** Goes on, but not for more than {@link KILLS_FACTOR_MAX} times the kills, until so many writes were answered. @default 0 */
  readonly acknowledged?: number;
  readonly writers: number;
  /** The same seed gives the same choices; when the kill strikes among the writes is the machine's doing. */
  readonly seed: number;
  /** Small segments, so that kills strike during rotations. */
  readonly segmentBytes: number;
  /** Further settings of the project's storage. */
  readonly storage?: object;
  /** Shortest time from a start to its end, in milliseconds. @default {@link LIFE_MS_MIN} */
  readonly lifeMsMin?: number;
  /** Longest time from a start to its end, in milliseconds; up to {@link LIFE_FACTOR} times that while too few writes were answered. */
  readonly lifeMsMax: number;
  /** How each life ends: without a chance to do anything, or politely, and then with exit code 0. @default 'SIGKILL' */
  readonly ending?: 'SIGKILL' | 'SIGTERM';
  /** Is told after each kill how many there were, and how many writes were answered so far. */
  readonly onKill?: (kills: number, acknowledged: number) => void;
}

/** What a run has seen. */
export interface KillLoopReport {
  readonly kills: number;
  readonly acknowledged: number;
  /** Requests without an answer. */
  readonly unknown: number;
  /** Of these, those that the log turned out to have. */
  readonly unknownKept: number;
  readonly refused: number;
  readonly reads: number;
  readonly events: number;
  readonly segments: number;
  /** Cut tails that starts have found. */
  readonly tornTails: number;
  /** Different snapshots that were compared with the log. */
  readonly snapshots: number;
}

const KEYS = '/api/v1/projects/p/keys';
const OWN_KEYS = 40;
const SHARED_KEYS = 4;
const LIFE_MS_MIN = 20;
const PADDING_MAX = 400;
const FAILURES_SHOWN_MAX = 5;
/** How many times the wanted kills there are at most, where a slow machine answers few writes. */
const KILLS_FACTOR_MAX = 3;
/** How many times as long lives may get there. */
const LIFE_FACTOR = 4;

/** Numbers from 0 up to 1 that a seed decides (mulberry32). */
export function randomFrom(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}

interface Receipt {
  readonly key: string;
  /** Null for a deletion. */
  readonly value: string | null;
  readonly seq: number;
  readonly hash: string;
}

/** What clients know. */
class Ledger {
  readonly receipts: Receipt[] = [];
  /** Values whose fate is unknown. */
  readonly unknown = new Set<string>();
  readonly refused = new Set<string>();
  /** Deletions without an answer. */
  unknownDeletions = 0;
  /** What readers were shown, by seq. */
  readonly seen = new Map<number, { readonly key: string; readonly value: string }>();
  reads = 0;
}

class Writer {
  readonly #index: number;
  readonly #random: () => number;
  readonly #ledger: Ledger;
  #count = 0;

  constructor(index: number, random: () => number, ledger: Ledger) {
    this.#index = index;
    this.#random = random;
    this.#ledger = ledger;
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

  async #put(server: ServerUnderTest, key: string, to: { readonly name: string; readonly tag?: string }): Promise<void> {
    const { receipts, unknown, refused } = this.#ledger;
    this.#count += 1;
    const value = JSON.stringify({ w: this.#index, n: this.#count, pad: 'x'.repeat(Math.floor(this.#random() * PADDING_MAX)) });
    const condition = to.tag === undefined ? {} : { headers: to.tag === '' ? { 'If-None-Match': '*' } : { 'If-Match': to.tag } };
    unknown.add(value);
    const answer = await server.send('PUT', `${KEYS}/${to.name}`, { key, body: value, ...condition });
    unknown.delete(value);
    if (answer.status === 412 || isStopping(answer)) refused.add(value);
    else receipts.push({ key: to.name, value, ...receiptOf(answer) });
  }

  async #delete(server: ServerUnderTest, key: string): Promise<void> {
    const name = this.#own();
    this.#ledger.unknownDeletions += 1;
    const answer = await server.send('DELETE', `${KEYS}/${name}`, { key });
    this.#ledger.unknownDeletions -= 1;
    if (answer.status !== 404 && !isStopping(answer)) this.#ledger.receipts.push({ key: name, value: null, ...receiptOf(answer) });
  }

  /** Reads a key that all share, and replaces just that version. */
  async #replace(server: ServerUnderTest, key: string): Promise<void> {
    const name = `shared/${Math.floor(this.#random() * SHARED_KEYS)}`;
    const { status, headers, text } = await server.send('GET', `${KEYS}/${name}`, { key });
    if (status === 503) throw new Error('The server is stopping');
    assert.ok(status === 200 || status === 404, text);
    const tag = status === 404 ? '' : String(headers.etag);
    this.#ledger.reads += 1;
    if (tag !== '') this.#ledger.seen.set(Number(/^"(\d+)-/.exec(tag)?.[1]), { key: name, value: text });
    await this.#put(server, key, { name, tag });
  }
}

function isStopping({ status, text }: Answer): boolean {
  return status === 503 && text.includes('"code":"shutting_down"');
}

function receiptOf(answer: Answer): { readonly seq: number; readonly hash: string } {
  assert.ok(answer.status === 200 || answer.status === 201, `${answer.status} ${answer.text}`);
  const { seq, hash } = JSON.parse(answer.text) as { seq: number; hash: string };
  return { seq, hash };
}

/** Compares the log with what clients were told; throws with the first few differences. */
function compare(ledger: Ledger, { events }: FoundLog, previous: readonly FoundEvent[]): number {
  const faults: string[] = [];
  for (const { seq, key, value, hash } of ledger.receipts) {
    const event = events[seq - 1];
    const isThere = event?.hash === hash && event.key === key && event.value === value;
    if (!isThere)
      faults.push(`acknowledged, and not in the log: seq ${seq} ${key} ${value ?? 'deleted'}, there: ${event?.line ?? 'nothing'}`);
  }
  for (const [seq, { key, value }] of ledger.seen) {
    const event = events[seq - 1];
    if (event?.key !== key || event.value !== value) faults.push(`shown to a reader, and not in the log: seq ${seq} ${key} ${value}`);
  }
  for (const [index, event] of previous.entries())
    if (events[index]?.hash !== event.hash) faults.push(`changed since the last start: ${event.line}`);
  faults.push(...strangers(ledger, events));
  assert.deepEqual(faults.slice(0, FAILURES_SHOWN_MAX), [], `${faults.length} faults`);
  return events.filter(({ value }) => value !== null && ledger.unknown.has(value)).length;
}

/** Events that nobody asked for, were refused, or stand there twice. */
function strangers(ledger: Ledger, events: readonly FoundEvent[]): string[] {
  const acknowledged = new Set(ledger.receipts.map(({ seq }) => seq));
  const values = new Set<string>();
  const faults: string[] = [];
  let deletions = 0;
  for (const { seq, op, value, line } of events) {
    if (op === 'delete' && !acknowledged.has(seq)) deletions += 1;
    if (op !== 'set' || value === null) continue;
    if (values.has(value)) faults.push(`twice in the log: ${line}`);
    values.add(value);
    if (ledger.refused.has(value)) faults.push(`refused, and in the log: ${line}`);
    if (!acknowledged.has(seq) && !ledger.unknown.has(value)) faults.push(`asked for by nobody: ${line}`);
  }
  if (deletions > ledger.unknownDeletions) faults.push(`${deletions} deletions of which only ${ledger.unknownDeletions} were asked for`);
  return faults;
}

/**
 * Runs the loop. Throws at the first difference.
 *
 * @param bench a fresh folder
 * @param options how long and how hard
 * @returns what was seen
 */
export async function runKillLoop(bench: Workbench, options: KillLoopOptions): Promise<KillLoopReport> {
  const random = randomFrom(options.seed);
  bench.configure([{ id: 'p', storage: { segment_bytes: options.segmentBytes, ...options.storage } }]);
  const ledger = new Ledger();
  const writers = Array.from({ length: options.writers }, (_, index) => new Writer(index, randomFrom(options.seed + index + 1), ledger));
  let server = await bench.start();
  const key = server.key('p');
  let log = readLogFiles(bench.path('data'), 'p');
  const lifeMsMin = options.lifeMsMin ?? LIFE_MS_MIN;
  const snapshots = new Set<number>();
  let unknownKept = 0;
  let tornTails = 0;
  let kills = 0;
  const isShort = (): boolean => ledger.receipts.length < (options.acknowledged ?? 0) && kills < options.kills * KILLS_FACTOR_MAX;
  while (kills < options.kills || isShort()) {
    const running = Promise.all(writers.map((writer) => writer.run(server, key)));
    // Awaited after the kill: a writer that has seen something wrong before must not end the process of the tests.
    running.catch(() => undefined);
    const isBehind = ledger.receipts.length * options.kills < (options.acknowledged ?? 0) * kills;
    await sleep(lifeMsMin + random() * (options.lifeMsMax - lifeMsMin) * (isBehind ? LIFE_FACTOR : 1));
    if (options.ending === 'SIGTERM') assert.deepEqual(await server.stop(), { code: 0, signal: null });
    else await server.kill();
    await running;
    kills += 1;
    server = await bench.start();
    assert.equal(server.stderr, '', 'a restart prints nothing');
    const found = readLogFiles(bench.path('data'), 'p');
    unknownKept = compare(ledger, found, log.events);
    assert.equal((await server.send('GET', KEYS, { key })).text, listingOf(foldEvents(found.events)), `after kill ${kills}`);
    tornTails += server.lines.filter(({ msg }) => /torn/.test(String(msg))).length;
    for (const seq of compareSnapshots(bench.path('data'), 'p', found.events)) snapshots.add(seq);
    log = found;
    options.onKill?.(kills, ledger.receipts.length);
  }
  await server.stop();
  return {
    kills,
    acknowledged: ledger.receipts.length,
    unknown: ledger.unknown.size + ledger.unknownDeletions,
    unknownKept,
    refused: ledger.refused.size,
    reads: ledger.reads,
    events: log.events.length,
    segments: log.segmentCount,
    tornTails,
    snapshots: snapshots.size,
  };
}
