import assert from 'node:assert/strict';
import { createLogger } from '../../src/base/server-log.js';
import { SpaceWatch, type SpaceWatchOptions } from '../../src/disk/space-watch.js';
import { ManualClock } from '../base/manual-clock.js';
import { suite } from '../suite.js';
import { FaultDisk } from './fault-disk.js';

const test = suite('disk/space-watch');

const MIB = 1_048_576;
/** The mark of a large disk. */
const MARK = 16 * MIB;

interface Line {
  readonly level: string;
  readonly msg: string;
  readonly free_bytes?: number;
  readonly mark_bytes?: number;
  readonly err?: { readonly message: string };
}

/** A watch over a disk under the test's control. */
class Watched {
  readonly disk = new FaultDisk();
  readonly clock = new ManualClock();
  readonly lines: Line[] = [];
  readonly watch: SpaceWatch;

  constructor(freeBytes: number, options: Partial<SpaceWatchOptions> = {}) {
    const { disk, clock, lines } = this;
    disk.roomBytes = freeBytes;
    const logger = createLogger({ destination: { write: (text) => void lines.push(JSON.parse(text) as Line) } });
    this.watch = new SpaceWatch({ disk, folder: '/data', clock, logger, ...options });
  }

  /** How often the disk was checked. */
  get checks(): number {
    return this.disk.calls.filter(({ method }) => method === 'space').length;
  }

  /** Changes the free space, lets the last check expire, and asks. */
  async askWith(freeBytes: number, growthBytes = 1): Promise<boolean> {
    this.disk.roomBytes = freeBytes;
    this.clock.advance(1000);
    return await this.ask(growthBytes);
  }

  /** Asks like a store: refreshes, then decides. */
  async ask(growthBytes: number): Promise<boolean> {
    await this.watch.refresh(growthBytes);
    return this.watch.allowsGrowth(growthBytes);
  }

  /** Whether nothing may grow, not even by 0 bytes. */
  get isLow(): boolean {
    return this.watch.largestBytes < 0;
  }

  get levels(): string[] {
    return this.lines.map(({ level }) => level);
  }
}

test('the first request checks the disk, and those right after it do not wait', async () => {
  const { watch, disk, ...watched } = new Watched(1000 * MIB);
  assert.equal(watch.freeBytes, undefined);
  const first = watch.refresh(1);
  assert.ok(first instanceof Promise);
  await first;
  assert.equal(watch.freeBytes, 1000 * MIB);
  assert.equal(watch.refresh(1), undefined);
  assert.equal(watch.allowsGrowth(1), true);
  assert.deepEqual(disk.calls.map(({ method, path }) => [method, path]), [['space', '/data']]);
  assert.deepEqual(watched.lines, []);
});

test('a check is valid for 250 ms', async () => {
  const watched = new Watched(1000 * MIB);
  await watched.watch.check();
  watched.clock.advance(249);
  assert.equal(watched.watch.refresh(1), undefined);
  watched.clock.advance(1);
  watched.disk.roomBytes = 0;
  assert.equal(await watched.ask(1), false);
  assert.equal(watched.checks, 2);
});

test('what was allowed counts as used, and near the mark every request checks', async () => {
  const watched = new Watched(2 * MARK + 10);
  await watched.watch.check();
  for (const bytes of [6, 4]) assert.deepEqual([watched.watch.refresh(bytes), watched.watch.allowsGrowth(bytes)], [undefined, true]);
  assert.ok(watched.watch.refresh(1) instanceof Promise, 'the ten bytes are gone');
  await watched.disk.settle();
  assert.equal(watched.checks, 2);
});

test('a check forgets what was allowed before it started, and all its waiters share the result', async () => {
  const watched = new Watched(MARK + 100);
  let answer: (() => void) | undefined;
  await watched.watch.check();
  assert.equal(await watched.ask(60), true);
  assert.equal(await watched.ask(60), true, 'the first 60 are on the disk or counted by the check');
  watched.disk.fail({ method: 'space', action: { kind: 'hold', until: new Promise((resolve) => (answer = resolve)) } });
  const together = [60, 60, 40].map((bytes) => watched.ask(bytes));
  answer?.();
  assert.deepEqual(await Promise.all(together), [true, false, true], 'the waiters of one check share its space');
  assert.equal(watched.checks, 4);
});

test('what is allowed during a check still counts after it', async () => {
  const watched = new Watched(2 * MARK + 100);
  let answer: (() => void) | undefined;
  await watched.watch.check();
  watched.disk.fail({ method: 'space', action: { kind: 'hold', until: new Promise((resolve) => (answer = resolve)) } });
  const checking = watched.watch.check();
  assert.equal(watched.watch.allowsGrowth(50), true);
  answer?.();
  await checking;
  assert.ok(watched.watch.refresh(51) instanceof Promise, 'the check may have preceded the fifty bytes');
});

test('concurrent requests share one check', async () => {
  const watched = new Watched(1000 * MIB);
  const answers = await Promise.all(Array.from({ length: 100 }, () => watched.ask(1)));
  assert.ok(answers.every(Boolean));
  assert.equal(watched.checks, 1);
});

test('a write that would go below the mark is refused, and a smaller one is accepted', async () => {
  const watched = new Watched(MARK + 100);
  assert.equal(await watched.ask(101), false);
  assert.equal(await watched.ask(100), true);
  assert.equal(watched.isLow, false);
  assert.deepEqual(watched.levels, []);
});

test('below the mark nothing may grow, which is logged once with the figures', async () => {
  const watched = new Watched(MARK);
  assert.equal(await watched.ask(0), true);
  for (let time = 0; time < 3; time += 1) assert.equal(await watched.askWith(MARK - 1, 0), false);
  assert.equal(watched.isLow, true);
  assert.deepEqual(watched.levels, ['error']);
  assert.deepEqual([watched.lines[0]?.free_bytes, watched.lines[0]?.mark_bytes], [MARK - 1, MARK]);
  await watched.watch.close();
});

test('a low disk recovers at 1.25 times the mark, which is logged once', async () => {
  const watched = new Watched(0);
  assert.equal(await watched.askWith(0), false);
  assert.equal(await watched.askWith(1.25 * MARK - 1), false);
  assert.equal(watched.isLow, true);
  assert.equal(await watched.askWith(1.25 * MARK), true);
  assert.equal(watched.isLow, false);
  assert.equal(await watched.askWith(MARK + 1), true, 'on the way down the mark itself counts');
  assert.deepEqual(watched.levels, ['error', 'info']);
  assert.equal(watched.lines[1]?.free_bytes, 1.25 * MARK);
});

test('the mark of a small disk is 5 % of it', async () => {
  const watched = new Watched(5001);
  watched.disk.totalBytes = 100_000;
  assert.equal(await watched.askWith(5001), true);
  assert.equal(await watched.askWith(5000), false);
  assert.equal(watched.isLow, false);
  assert.equal(await watched.askWith(4999), false);
  assert.equal(watched.isLow, true);
  watched.disk.totalBytes = Number.MAX_SAFE_INTEGER;
  assert.equal(await watched.askWith(1.25 * MARK), true);
  await watched.watch.close();
});

test('a disk that does not report its free space counts as having some, and causes one warning', async () => {
  const watched = new Watched(0);
  watched.disk.fail({ method: 'space', times: 3, action: { kind: 'errno', code: 'ENOSYS' } });
  for (let time = 0; time < 3; time += 1) assert.equal(await watched.askWith(0, 1_000_000), true);
  assert.equal(watched.watch.refresh(1_000_000), undefined, 'and is not checked before every write');
  assert.deepEqual([watched.isLow, watched.watch.freeBytes, watched.levels], [false, undefined, ['warn']]);
  assert.match(watched.lines[0]?.err?.message ?? '', /ENOSYS/);
  assert.equal(await watched.askWith(0), false, 'once it reports, that counts');
  await watched.watch.close();
});

test('a disk that reports a size of 0 counts as not reporting', async () => {
  const watched = new Watched(0);
  watched.disk.totalBytes = 0;
  assert.equal(await watched.ask(1_000_000), true);
  assert.deepEqual([watched.isLow, watched.levels], [false, ['warn']]);
});

test('a low disk that stops reporting its free space is no longer low', async () => {
  const watched = new Watched(0);
  assert.equal(await watched.askWith(0), false);
  watched.disk.fail({ method: 'space', action: { kind: 'errno', code: 'EIO' } });
  assert.equal(await watched.askWith(0), true);
  assert.deepEqual([watched.isLow, watched.levels], [false, ['error', 'warn', 'info']]);
});

async function until(holds: () => boolean): Promise<void> {
  while (!holds()) await new Promise((resolve) => setTimeout(resolve, 1));
}

test('a low disk is checked in the background until it has space, and then no longer', async () => {
  const watched = new Watched(0, { lowCheckIntervalMs: 1 });
  await watched.watch.check();
  await until(() => watched.checks > 3);
  assert.equal(watched.isLow, true);
  watched.disk.roomBytes = 1000 * MIB;
  await until(() => !watched.isLow);
  const { checks } = watched;
  await new Promise((resolve) => setTimeout(resolve, 20));
  assert.equal(watched.checks, checks);
  assert.deepEqual(watched.levels, ['error', 'info']);
});

test('close() waits for the check in progress and stops the background checks', async () => {
  const watched = new Watched(0, { lowCheckIntervalMs: 1 });
  let answer: (() => void) | undefined;
  watched.disk.fail({ method: 'space', action: { kind: 'hold', until: new Promise((resolve) => (answer = resolve)) } });
  void watched.watch.check();
  await watched.disk.settle();
  let isClosed = false;
  const closing = watched.watch.close().then(() => (isClosed = true));
  await watched.disk.settle();
  assert.equal(isClosed, false);
  answer?.();
  await closing;
  await new Promise((resolve) => setTimeout(resolve, 20));
  assert.equal(watched.checks, 1);
  assert.equal(watched.isLow, true);
});

test('growth that is not a number of bytes is a defect', () => {
  const { watch } = new Watched(0);
  for (const bytes of [-1, 0.5, Number.NaN]) {
    assert.throws(() => watch.allowsGrowth(bytes), /growth is a number of bytes/);
    assert.throws(() => watch.refresh(bytes), /growth is a number of bytes/);
  }
});

test('what is reported about the disk matches the answer to the next write, also near the mark and when others fill it', async () => {
  const watched = new Watched(MARK + 10);
  await watched.watch.check();
  assert.equal(watched.watch.largestBytes, 10);
  assert.equal(await watched.ask(10), true);
  assert.equal(watched.watch.largestBytes, 0, 'what was allowed is as good as written');
  watched.disk.roomBytes = 1000 * MIB;
  watched.clock.advance(250);
  await watched.watch.refresh();
  assert.equal(watched.watch.largestBytes, 1000 * MIB - MARK);
  watched.disk.roomBytes = 0;
  await watched.watch.refresh();
  assert.equal(watched.watch.largestBytes, 1000 * MIB - MARK, 'a check is valid for a while, for both');
  watched.clock.advance(250);
  await watched.watch.refresh();
  assert.ok(watched.watch.largestBytes < 0);
  assert.equal(await watched.ask(0), false);
});

test('a write that was refused is remembered until it would be allowed', async () => {
  const watched = new Watched(MARK + 100);
  assert.deepEqual([await watched.ask(101), watched.watch.refusedBytes], [false, 101]);
  assert.deepEqual([await watched.ask(300), watched.watch.refusedBytes], [false, 300]);
  assert.deepEqual([await watched.ask(100), watched.watch.refusedBytes], [true, 300], 'smaller ones go on');
  assert.deepEqual([await watched.askWith(MARK + 301, 1), watched.watch.refusedBytes], [true, undefined]);
  assert.deepEqual([await watched.askWith(MARK + 100, 1), watched.watch.refusedBytes], [true, undefined], 'and is forgotten then');
});

test('a nearly full disk is reported with advice on freeing space, retention first', async () => {
  const watched = new Watched(0);
  await watched.watch.check();
  assert.match(JSON.stringify(watched.lines), /"what_to_do":"lower \\"retention\\".*deleting keys frees nothing until retention/);
});

test.run();
