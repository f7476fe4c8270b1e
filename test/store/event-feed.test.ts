/** The feed of a project over both homes of a log, and over all that can happen to a log while it is read. */
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { setImmediate as nextRound, setTimeout as delay } from 'node:timers/promises';
import { AppError } from '../../src/base/app-error.js';
import type { EventLine } from '../../src/log/event-lines.js';
import type { Log } from '../../src/log/log.js';
import { MemoryLog } from '../../src/log/memory-log.js';
import { EventCursor } from '../../src/store/event-cursor.js';
import { EventFeed } from '../../src/store/event-feed.js';
import { ManualClock } from '../base/manual-clock.js';
import type { FaultDisk } from '../disk/fault-disk.js';
import { change, SEALED_1 } from '../log/file/damage-table.js';
import { createLog, drafts, emptyDisk, HOME, homeOn, LOG_ID, PROJECT, SMALL_SEGMENTS } from '../log/file/log-fixture.js';
import { fc } from '../properties.js';
import { suite } from '../suite.js';

const test = suite('event-feed');

/** How long a move waits for readers that stand still, where that is not the point. */
const SETTLE_MS = 10;
/** How long something new may take to be noticed. */
const NEWS_LIMIT_MS = 10_000;

/** Why a feed ends. */
const GONE = new AppError('project_not_found', 'Cannot find the project');

/** The feed of a log that may be replaced. */
class World {
  log: Log;
  readonly feed: EventFeed;
  disk: FaultDisk | undefined;
  /** Every line that was ever appended, by its seq minus one. */
  readonly texts: string[] = [];
  #moves = 0;

  constructor(log: Log, disk?: FaultDisk, settleMs = 5000) {
    this.log = log;
    this.disk = disk;
    this.feed = new EventFeed(() => this.log, { settleMs });
  }

  static async onDisk(clock = new ManualClock(), settleMs = 5000): Promise<World> {
    const disk = emptyDisk();
    return new World(await createLog(disk, SMALL_SEGMENTS, { clock }), disk, settleMs);
  }

  static inMemory(keptBytesMax = 1_000_000, clock = new ManualClock(), settleMs = 5000): World {
    return new World(new MemoryLog({ project: PROJECT, logId: LOG_ID, keptBytesMax, clock }), undefined, settleMs);
  }

  async append(count: number): Promise<void> {
    const { seq } = this.log.position();
    await this.log.append(drafts(seq + 1, seq + count), seq);
    for await (const { lines } of this.log.scan({ fromSeq: seq + 1, toSeq: seq + count })) this.texts.push(...lines.map(textOf));
    this.feed.wake();
  }

  /** Goes on in memory or on disk, as a move does. */
  async move(): Promise<void> {
    if (this.log.position().seq === 0) return;
    this.#moves += 1;
    const old = this.log;
    const base = old.position();
    const logId = String(this.#moves).padStart(32, '0');
    if (this.disk === undefined) {
      this.disk = emptyDisk();
      this.disk.tree.makeFolder(`${HOME}/${PROJECT}`);
      this.log = await homeOn(this.disk).create(PROJECT, { ...SMALL_SEGMENTS, logId, base: { ...base, digest: 'd'.repeat(64) } });
      this.feed.noteReplaced(old);
    } else {
      this.disk = undefined;
      this.log = new MemoryLog({ project: PROJECT, logId, base, keptBytesMax: 1_000_000 });
      this.feed.noteReplaced(old);
      await this.feed.settle();
    }
    await old.close();
  }

  /** Closes and opens the log, as a restart does. Its cursors are gone. */
  async restart(): Promise<void> {
    if (this.disk === undefined) return;
    const { position } = { position: this.log.position() };
    await this.log.close();
    const opened = await homeOn(this.disk).open(PROJECT, {
      ...SMALL_SEGMENTS, replay: () => undefined, firstKeptSeq: this.log.firstSeq(), known: { ...position, timeMs: 0 },
    });
    assert.ok(opened);
    this.log = opened;
  }

  /** Compresses or removes the oldest plain segment, as retention does. */
  async retain(kind: 'compress' | 'remove'): Promise<void> {
    const [oldest] = this.log.sealed?.list().filter(({ isCompressed }) => kind === 'remove' || !isCompressed) ?? [];
    if (oldest !== undefined) await this.log.sealed?.[kind](oldest.firstSeq);
  }

  async end(): Promise<void> {
    this.feed.close(GONE);
    await this.log.close();
  }
}

/** Reads on as a stream does. */
async function nextOf(cursor: EventCursor): ReturnType<EventCursor['next']> {
  return cursor.nextAtOnce() ?? await cursor.next();
}

/** Waits until there may be something new. */
async function news(cursor: EventCursor): Promise<void> {
  const limit = new AbortController();
  const late = delay(NEWS_LIMIT_MS, undefined, { signal: limit.signal }).then(() => assert.fail('nothing new came'), () => undefined);
  await Promise.race([late, new Promise<void>((resolve) => void cursor.onNews(resolve))]);
  limit.abort();
}

function textOf({ text }: EventLine): string {
  return text.toString();
}

/** Reads everything that a cursor finds now. */
async function drain(cursor: EventCursor): Promise<EventLine[]> {
  const found: EventLine[] = [];
  for (let block = await nextOf(cursor); block !== undefined; block = await nextOf(cursor)) found.push(...block.events);
  return found;
}

const HOMES = { files: () => World.onDisk(), memory: async () => await Promise.resolve(World.inMemory()) };

for (const [name, make] of Object.entries(HOMES)) {
  const withWorld = (body: (world: World) => Promise<void>) => async () => {
    const world = await make();
    try {
      await body(world);
    } finally {
      await world.end();
    }
  };

  test(`${name}: a cursor gives existing events and then new ones, each once`, withWorld(async (world) => {
    await world.append(10);
    const cursor = world.feed.follow(4, {});
    const found = await drain(cursor);
    assert.ok(cursor.isLive);
    for (let round = 0; round < 30; round += 1) {
      const waiting = news(cursor);
      await world.append(1 + (round % 3));
      await waiting;
      found.push(...await drain(cursor));
    }
    assert.deepEqual(found.map(textOf), world.texts.slice(4));
    await cursor.close();
  }));

  test(`${name}: many cursors from every place, slow and fast, miss nothing`, withWorld(async (world) => {
    const followed: { readonly from: number; readonly found: EventLine[]; readonly done: Promise<void> }[] = [];
    const stop = new AbortController();
    const stopped = once(stop.signal, 'abort');
    for (let round = 0; round < 40; round += 1) {
      const from = world.log.position().seq === 0 ? 0 : round % world.log.position().seq;
      const cursor = world.feed.follow(from, {});
      const found: EventLine[] = [];
      const run = async (): Promise<void> => {
        while (!stop.signal.aborted || !cursor.isLive) {
          const block = await nextOf(cursor);
          if (block !== undefined) found.push(...block.events);
          else await Promise.race([news(cursor), stopped]);
          if (round % 7 === 0) await nextRound();
        }
        await cursor.close();
      };
      followed.push({ from, found, done: run() });
      await world.append(1 + (round % 4));
    }
    stop.abort();
    await Promise.all(followed.map(({ done }) => done));
    for (const { from, found } of followed) assert.deepEqual(found.map(textOf), world.texts.slice(from));
  }));

  test(`${name}: filters select, in both directions`, withWorld(async (world) => {
    for (let index = 0; index < 30; index += 1) await world.append(1);
    const seqs = async (range: Parameters<EventFeed['read']>[0]): Promise<number[]> => {
      const found: number[] = [];
      for await (const { events } of world.feed.read(range)) found.push(...events.map(({ seq }) => seq));
      return found;
    };
    const key = (JSON.parse(world.texts[6] ?? '') as { key: string }).key;
    const expected = world.texts.flatMap((text, index) => ((JSON.parse(text) as { key: string }).key === key ? [index + 1] : []));
    assert.ok(expected.includes(7));
    assert.deepEqual(await seqs({ afterSeq: 0, untilSeq: 30, key }), expected);
    assert.deepEqual(await seqs({ afterSeq: 0, untilSeq: 30, key, isNewestFirst: true }), expected.toReversed());
    assert.deepEqual(await seqs({ afterSeq: 3, untilSeq: 9 }), [4, 5, 6, 7, 8, 9]);
    assert.deepEqual(await seqs({ afterSeq: 0, untilSeq: 30, op: 'clear' }), []);
  }));

  test(`${name}: every hash is found, and every moment`, async () => {
    const clock = new ManualClock();
    const world = name === 'files' ? await World.onDisk(clock) : World.inMemory(1_000_000, clock);
    for (let index = 0; index < 20; index += 1) {
      clock.setWall(1_000_000 + 1000 * index);
      await world.append(1);
    }
    assert.match(await world.feed.hashAt(0), /^[0-9a-f]{64}$/);
    for (let seq = 1; seq <= 20; seq += 1) {
      assert.equal(await world.feed.hashAt(seq), (JSON.parse(world.texts[seq - 1] ?? '') as { hash: string }).hash);
      assert.equal(textOf(await world.feed.lineAt(seq)), world.texts[seq - 1]);
      for (const [timeMs, due] of [[1_000_000 + 1000 * (seq - 1), seq], [999_999 + 1000 * (seq - 1), seq - 1]] as const) {
        assert.equal(await world.feed.seqAt(timeMs), due);
      }
    }
    assert.equal(await world.feed.seqAt(0), 0);
    await world.end();
  });

  test(`${name}: a cursor goes on where the project moves to, and the old log waits for it`, withWorld(async (world) => {
    await world.append(25);
    const [slow, quick] = [world.feed.follow(0, {}), world.feed.follow(0, {})];
    const found = (await drain(quick)).map(textOf);
    const first = (await slow.next())?.events.map(textOf) ?? [];
    const waiting = news(quick);
    const moving = world.move();
    await waiting;
    first.push(...(await drain(slow)).map(textOf));
    await moving;
    await world.append(3);
    await world.move();
    await world.append(3);
    assert.deepEqual([...first, ...(await drain(slow)).map(textOf)], world.texts);
    assert.deepEqual([...found, ...(await drain(quick)).map(textOf)], world.texts);
    await Promise.all([slow.close(), quick.close()]);
  }));

  test(`${name}: the end of a feed ends its cursors after the last event`, withWorld(async (world) => {
    await world.append(3);
    const cursor = world.feed.follow(3, {});
    const waiting = news(cursor);
    world.feed.close(GONE);
    await waiting;
    assert.equal(await cursor.next(), undefined);
    await news(cursor);
    await cursor.close();
  }));
}

test('followers at the end share the lists of events, and one with a filter has its own', async () => {
  const world = World.inMemory();
  const [one, other, filtered] = [world.feed.follow(0, {}), world.feed.follow(0, {}), world.feed.follow(0, { op: 'clear' })];
  await world.append(3);
  const { events, doneSeq } = one.nextAtOnce() ?? {};
  assert.equal(doneSeq, 3);
  assert.equal(other.nextAtOnce()?.events, events);
  assert.deepEqual(filtered.nextAtOnce(), { events: [], doneSeq: 3, erasures: 0 });
  assert.equal(one.nextAtOnce(), undefined);
  for (const cursor of [one, other, filtered]) await cursor.close();
  await world.end();
});

test('a follower that is far behind lets others have their turn between blocks', async () => {
  const world = World.inMemory();
  const cursor = world.feed.follow(0, {});
  for (let round = 0; round < 60; round += 1) await world.append(10);
  const first = cursor.nextAtOnce();
  assert.equal(cursor.nextAtOnce(), undefined);
  let isOthersTurn = false;
  setImmediate(() => { isOthersTurn = true; });
  const second = await cursor.next();
  assert.ok(isOthersTurn);
  const rest = await drain(cursor);
  assert.deepEqual([...first?.events ?? [], ...second?.events ?? [], ...rest].map(textOf), world.texts);
  await cursor.close();
  await world.end();
});

test('lines of one moment wake followers once, after the answers, and later ones a moment later', async () => {
  const world = World.inMemory();
  const cursor = world.feed.follow(0, {});
  const order: string[] = [];
  for (const name of ['first', 'second']) {
    const woken = news(cursor).then(() => order.push(`${name} waking`));
    await world.append(1);
    world.feed.wake();
    await Promise.resolve().then(() => order.push(`${name} answer`));
    await woken;
    await drain(cursor);
  }
  assert.deepEqual(order, ['first answer', 'first waking', 'second answer', 'second waking']);
  await cursor.close();
  await world.end();
});

test('a reader that retention or compression overtakes never skips an event silently', async () => {
  const world = await World.onDisk();
  for (let index = 0; index < 30; index += 1) await world.append(1);
  const cursor = world.feed.follow(0, {});
  const found = [...(await cursor.next())?.events ?? []].map(textOf);
  await world.retain('compress');
  found.push(...(await drain(cursor)).map(textOf));
  assert.deepEqual(found, world.texts);
  const late = world.feed.follow(0, {});
  await world.retain('remove');
  await assert.rejects(drain(late), { name: 'LinesDroppedError' });
  const oldest = world.feed.oldestSeq;
  assert.ok(oldest > 1);
  assert.deepEqual((await drain(world.feed.follow(oldest - 1, {}))).map(textOf), world.texts.slice(oldest - 1));
  await assert.rejects(world.feed.hashAt(0), { name: 'LinesDroppedError' });
  await assert.rejects(world.feed.lineAt(1), { name: 'LinesDroppedError' });
  await world.end();
});

test('a line that changed on disk is never given, whichever byte it is', async () => {
  const world = await World.onDisk();
  await world.append(12);
  for (let index = 0; index < 12; index += 1) await world.append(1);
  const disk = world.disk as FaultDisk;
  const { length } = disk.bytesOf(SEALED_1);
  const { texts } = world;
  for (let at = 0; at < length; at += 7) {
    const undamaged = Buffer.from(disk.bytesOf(SEALED_1));
    change(disk, SEALED_1, (bytes) => Buffer.from(bytes.map((byte, index) => (index === at ? byte ^ 1 : byte))));
    const all = { afterSeq: 0, untilSeq: 24 };
    for (const range of [all, { ...all, isNewestFirst: true }, { afterSeq: 2, untilSeq: 4, op: 'set' }]) {
      const given: string[] = [];
      try {
        for await (const { events } of world.feed.read(range)) given.push(...events.map(textOf));
      } catch (error) {
        assert.equal((error as { code?: string }).code, 'project_corrupt', String(error));
      }
      for (const text of given) assert.ok(texts.includes(text), `byte ${at}: ${text}`);
    }
    disk.put(SEALED_1, undamaged);
  }
  await world.end();
});

/** What happens to a project, in some order. */
type Step =
  | { readonly kind: 'write'; readonly count: number }
  | { readonly kind: 'move' | 'restart' | 'compress' | 'remove' }
  | { readonly kind: 'read' | 'reconnect'; readonly reader: number };

const STEPS: fc.Arbitrary<Step[]> = fc.array(fc.oneof(
  { weight: 6, arbitrary: fc.record({ kind: fc.constant('write' as const), count: fc.integer({ min: 1, max: 6 }) }) },
  {
    weight: 2,
    arbitrary: fc.record({ kind: fc.constantFrom('move' as const, 'restart' as const, 'compress' as const, 'remove' as const) }),
  },
  { weight: 6, arbitrary: fc.record({ kind: fc.constantFrom('read' as const, 'reconnect' as const), reader: fc.nat(2) }) },
), { minLength: 10, maxLength: 60 });

/** A client: continues after the last event that it has, by seq and hash, and starts anew where that is gone. */
class Client {
  found: string[] = [];
  firstSeq = 1;
  resets = 0;
  #cursor: EventCursor | undefined;

  get #lastSeq(): number {
    return this.firstSeq - 1 + this.found.length;
  }

  async connect({ feed }: World): Promise<void> {
    await this.disconnect();
    const isGone = this.#lastSeq < feed.oldestSeq - 1;
    const last = this.found.at(-1);
    if (!isGone && last !== undefined) assert.equal(await feed.hashAt(this.#lastSeq), (JSON.parse(last) as { hash: string }).hash);
    if (isGone) this.#startAt(feed.oldestSeq);
    this.#cursor = feed.follow(this.#lastSeq, {});
  }

  #startAt(seq: number): void {
    this.resets += 1;
    this.found = [];
    this.firstSeq = seq;
  }

  async read(world: World, blocks: number): Promise<void> {
    if (this.#cursor === undefined) await this.connect(world);
    for (let count = 0; count < blocks; count += 1) {
      try {
        const block = this.#cursor && await nextOf(this.#cursor);
        if (block === undefined) return;
        this.found.push(...block.events.map(textOf));
      } catch (error) {
        // A stream that cannot go on ends; the client connects again.
        assert.ok(['LinesDroppedError', 'AppError'].includes((error as Error).name), String(error));
        await this.connect(world);
      }
    }
  }

  async disconnect(): Promise<void> {
    await this.#cursor?.close();
    this.#cursor = undefined;
  }
}

test('whatever happens to a project, every client has every event once, in order and byte for byte', async () => {
  await fc.assert(fc.asyncProperty(STEPS, fc.boolean(), async (steps, isOnDisk) => {
    const world = isOnDisk ? await World.onDisk(new ManualClock(), SETTLE_MS) : World.inMemory(1_000_000, new ManualClock(), SETTLE_MS);
    const clients = [new Client(), new Client(), new Client()];
    for (const step of steps) {
      if (step.kind === 'write') await world.append(step.count);
      else if (step.kind === 'move') {
        // Clients read while the old log is about to be closed.
        await Promise.all([world.move(), ...clients.slice(1).map((client) => client.read(world, 100))]);
      } else if ('reader' in step) {
        const client = clients[step.reader];
        if (step.kind === 'reconnect') await client?.connect(world);
        else await client?.read(world, 1);
      } else if (step.kind === 'restart') {
        for (const client of clients) await client.disconnect();
        await world.restart();
      } else if (step.kind === 'compress' || step.kind === 'remove') await world.retain(step.kind);
    }
    for (const client of clients) {
      await client.read(world, 1000);
      assert.deepEqual(client.found, world.texts.slice(client.firstSeq - 1));
      await client.disconnect();
    }
    await world.end();
  }), { timeout: 60_000 });
});

test('a page that is read while its log is replaced is read to its end', async () => {
  const world = await World.onDisk();
  for (let index = 0; index < 25; index += 1) await world.append(1);
  for (const isNewestFirst of [false, true]) {
    if (world.disk === undefined) await world.move();
    await world.append(20);
    const range = { afterSeq: world.log.firstSeq() - 1, untilSeq: world.log.position().seq, isNewestFirst };
    const blocks = world.feed.read(range);
    const seqs = [...(await blocks.next()).value?.events ?? []].map(({ seq }) => seq);
    const moved = world.move();
    await delay(20);
    for await (const { events } of blocks) seqs.push(...events.map(({ seq }) => seq));
    await moved;
    assert.equal(seqs.length, range.untilSeq - range.afterSeq);
    assert.deepEqual(seqs, seqs.toSorted((a, b) => (isNewestFirst ? b - a : a - b)));
  }
  await world.end();
});

test('a reading whose project is deleted meanwhile says so', async () => {
  const world = await World.onDisk();
  for (let index = 0; index < 25; index += 1) await world.append(1);
  const blocks = world.feed.read({ afterSeq: 0, untilSeq: 25 });
  await blocks.next();
  await world.end();
  await assert.rejects((async () => { for await (const block of blocks) assert.ok(block); })(), GONE);
  await assert.rejects(world.feed.lineAt(1), GONE);
});

test('a move does not wait for a reader that stands still for longer than a few seconds', async () => {
  const world = await World.onDisk();
  for (let index = 0; index < 25; index += 1) await world.append(1);
  const stuck = world.feed.follow(0, {});
  await stuck.next();
  const startedMs = performance.now();
  await world.move();
  const tookMs = performance.now() - startedMs;
  assert.ok(tookMs > 4000 && tookMs < 20_000, `${tookMs} ms`);
  await world.append(1);
  await assert.rejects(drain(stuck));
  await delay(1);
  await world.end();
});

test.run();
