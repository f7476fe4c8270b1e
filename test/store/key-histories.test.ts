/** Histories of keys that are read again: the same events as without a memory, from fewer lines. */
import assert from 'node:assert/strict';
import { KeyHistories } from '../../src/store/key-histories.js';
import { ProjectModel } from '../../src/projections/project-model.js';
import { ProjectStore } from '../../src/store/project-store.js';
import { createLog, emptyDisk, SMALL_SEGMENTS } from '../log/file/log-fixture.js';
import { fc } from '../properties.js';
import { suite } from '../suite.js';
import { CONTEXT, create, remove, set } from './created-store.js';

const test = suite('key-histories');

type Search = Parameters<KeyHistories['read']>[2];
type Found = Parameters<Search>[0];

/** A log in which some seqs belong to the key. */
class Searched {
  readonly seqs: number[] = [];
  readonly ranges: Found[] = [];
  readonly #blockSize: number;
  textBytes = 10;

  constructor(blockSize = 4) {
    this.#blockSize = blockSize;
  }

  readonly search: Search = async function* search(this: Searched, { afterSeq, untilSeq }: Found) {
    this.ranges.push({ afterSeq, untilSeq });
    for (let top = untilSeq; top > afterSeq; top -= this.#blockSize) {
      const doneSeq = Math.max(afterSeq + 1, top - this.#blockSize + 1);
      const seqs = this.seqs.filter((seq) => seq >= doneSeq && seq <= top).sort((a, b) => b - a);
      await Promise.resolve();
      yield { events: seqs.map((seq) => event(seq, this.textBytes)), doneSeq };
    }
  }.bind(this);

  /** How many seqs were searched. */
  get searched(): number {
    return this.ranges.reduce((sum, { afterSeq, untilSeq }) => sum + Math.max(0, untilSeq - afterSeq), 0);
  }
}

function event(seq: number, bytes: number) {
  return { seq, timeMs: 0, op: 'set', actor: '', hash: '', previousHash: '', text: Buffer.alloc(bytes), bodyStart: 0, bodyEnd: 0 };
}

/** Reads so many events, and how far that went. */
async function read(histories: KeyHistories, log: Searched, range: Found, limit = Number.POSITIVE_INFINITY) {
  const seqs: number[] = [];
  let doneSeq = range.untilSeq + 1;
  for await (const block of histories.read('k', range, log.search)) {
    assert.ok(block.doneSeq < doneSeq || block.doneSeq === range.afterSeq + 1, `${block.doneSeq} is below ${doneSeq}`);
    doneSeq = block.doneSeq;
    seqs.push(...block.events.map(({ seq }) => seq));
    if (seqs.length >= limit) break;
  }
  return { seqs, doneSeq };
}

test('a second reading searches only what is new, and what the first did not reach', async () => {
  const histories = new KeyHistories();
  const log = new Searched(10);
  log.seqs.push(5, 50, 95);
  assert.deepEqual((await read(histories, log, { afterSeq: 0, untilSeq: 100 }, 2)).seqs, [95, 50]);
  const before = log.searched;
  assert.deepEqual((await read(histories, log, { afterSeq: 0, untilSeq: 100 }, 2)).seqs, [95, 50]);
  assert.equal(log.searched, before);
  log.seqs.push(101);
  assert.deepEqual(await read(histories, log, { afterSeq: 0, untilSeq: 105 }), { seqs: [101, 95, 50, 5], doneSeq: 1 });
  assert.deepEqual(log.ranges.slice(1).filter(({ afterSeq, untilSeq }) => untilSeq > afterSeq), [
    { afterSeq: 100, untilSeq: 105 }, { afterSeq: 0, untilSeq: 40 },
  ]);
  assert.deepEqual(await read(histories, log, { afterSeq: 0, untilSeq: 94 }, 1), { seqs: [50, 5], doneSeq: 1 });
  histories.clear();
  assert.deepEqual((await read(histories, log, { afterSeq: 60, untilSeq: 100 })).seqs, [95]);
});

test('a reading that was in progress when lines were erased leaves nothing behind', async () => {
  const histories = new KeyHistories();
  const log = new Searched(4);
  log.seqs.push(2, 6);
  const reading = histories.read('k', { afterSeq: 0, untilSeq: 8 }, log.search)[Symbol.asyncIterator]();
  assert.equal((await reading.next()).value?.events[0]?.seq, 6);
  histories.clear();
  while ((await reading.next()).done !== true);
  const { searched } = log;
  assert.deepEqual(await read(histories, log, { afterSeq: 0, untilSeq: 8 }), { seqs: [6, 2], doneSeq: 1 });
  assert.equal(log.searched - searched, 8);
});

test('a reading that was in progress when lines were erased gives nothing of what was known before', async () => {
  const histories = new KeyHistories();
  const log = new Searched();
  log.seqs.push(2, 5, 11);
  await read(histories, log, { afterSeq: 0, untilSeq: 8 });
  log.ranges.length = 0;
  const seqs: number[] = [];
  for await (const { events } of histories.read('k', { afterSeq: 0, untilSeq: 12 }, log.search)) {
    seqs.push(...events.map(({ seq }) => seq));
    if (seqs.length === 1) histories.clear();
  }
  assert.deepEqual(seqs, [11, 5, 2]);
  assert.deepEqual(log.ranges, [{ afterSeq: 8, untilSeq: 12 }, { afterSeq: 0, untilSeq: 8 }]);
});

test('histories that are too large are read again from the log', async () => {
  const histories = new KeyHistories();
  const log = new Searched(4);
  log.textBytes = 100_000;
  log.seqs.push(1, 3, 5, 7, 9, 11);
  for (let round = 0; round < 3; round += 1) {
    assert.deepEqual(await read(histories, log, { afterSeq: 0, untilSeq: 12 }), { seqs: [11, 9, 7, 5, 3, 1], doneSeq: 1 });
  }
  assert.ok(log.searched > 12 && log.searched < 36, `${log.searched}`);
});

test('whatever was read before, a reading gives the same events', async () => {
  const reading = fc.record({ afterSeq: fc.nat(60), span: fc.nat(60), limit: fc.integer({ min: 1, max: 5 }), added: fc.nat(10) });
  const [ofKey, readingsOf] = [fc.uniqueArray(fc.integer({ min: 1, max: 200 })), fc.array(reading, { maxLength: 12 })];
  await fc.assert(fc.asyncProperty(ofKey, readingsOf, async (seqs, readings) => {
    const histories = new KeyHistories();
    const log = new Searched(5);
    log.seqs.push(...seqs);
    let endSeq = 50;
    for (const { afterSeq, span, limit, added } of readings) {
      endSeq += added;
      const untilSeq = Math.min(endSeq, afterSeq + span);
      if (untilSeq < afterSeq) continue;
      const { seqs: found, doneSeq } = await read(histories, log, { afterSeq, untilSeq }, limit);
      assert.deepEqual(found, seqs.filter((seq) => seq >= doneSeq && seq > afterSeq && seq <= untilSeq).sort((a, b) => b - a));
      if (found.length < limit) assert.equal(doneSeq, untilSeq === afterSeq ? untilSeq + 1 : afterSeq + 1);
    }
  }));
});

test('a store gives the history of a key that exists, was deleted or never was, while it is written', async () => {
  const store = new ProjectStore({ log: await createLog(emptyDisk(), SMALL_SEGMENTS), model: new ProjectModel() });
  await store.submit(create(), CONTEXT);
  const history = async (key: string, afterSeq = 0): Promise<number[]> => {
    const seqs: number[] = [];
    let doneSeq = store.seq + 1;
    for await (const block of store.feed.read({ key, afterSeq, untilSeq: store.seq, isNewestFirst: true })) {
      seqs.push(...block.events.map(({ seq }) => seq));
      ({ doneSeq } = block);
    }
    assert.equal(doneSeq, afterSeq + 1, 'everything was examined');
    return seqs;
  };
  const due = new Map<string, number[]>([['never', []]]);
  for (let round = 0; round < 60; round += 1) {
    const key = `k${(round * 7) % 5}`;
    const isThere = store.values.get(key) !== undefined;
    const { seq } = await store.submit(isThere && round % 3 === 0 ? remove(key) : set(key), CONTEXT);
    due.set(key, [seq, ...(due.get(key) ?? [])]);
    for (const [name, seqs] of due) assert.deepEqual(await history(name), seqs, name);
    assert.deepEqual(await history('k0', store.seq - 1), (due.get('k0') ?? []).filter((one) => one === store.seq));
  }
  await store.close();
});

test.run();
