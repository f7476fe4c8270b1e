/** When which project is compacted, and what ends a compaction. */
import assert from 'node:assert/strict';
import { setTimeout as sleep } from 'node:timers/promises';
import { AppError } from '../../../src/base/app-error.js';
import { Compactor } from '../../../src/projects/compaction/compactor.js';
import { ProjectCompaction } from '../../../src/projects/compaction/project-compaction.js';
import { InlineTasks } from '../../offline/tasks/inline-tasks.js';
import type { BackgroundTasks } from '../../../src/projects/background-tasks.js';
import type { StorageChange } from '../../../src/events/project-settings.js';
import { LogCorruptError } from '../../../src/log/log-errors.js';
import { RunDamagedError } from '../../../src/projections/snapshot/snapshot-errors.js';
import { suite } from '../../suite.js';
import {
  type CompactedProject, registryLines, namesIn, openCompacted, PROJECT, SMALL_SEGMENTS,
} from '../compacted-project.js';
import { collectingLogger, CONTEXT, refusalOf } from '../lives-fixture.js';

const test = suite('compactor');

const LOOK_MS = 5;
const HOURLY = { ...SMALL_SEGMENTS, compaction: { interval_seconds: 3600 } };
const ON_DEMAND = SMALL_SEGMENTS;

/** Work in the background that fails, or waits until it is let go. */
class BuildGate {
  fault: Error | undefined;
  /** How many builds fail. */
  faultsMax = Number.POSITIVE_INFINITY;
  /** Builds that have begun. */
  begun = 0;
  #waiting: Promise<void> = Promise.resolve();
  #letGo = (): void => undefined;

  /** Lets builds wait. */
  shut(): void {
    this.#waiting = new Promise((resolve) => {
      this.#letGo = resolve;
    });
  }

  /** Lets them go on. */
  open(): void {
    this.#letGo();
  }

  over(tasks: BackgroundTasks): BackgroundTasks {
    return {
      build: async (job, signal) => {
        this.begun += 1;
        if (this.fault !== undefined && this.begun <= this.faultsMax) throw this.fault;
        const aborted = new Promise<never>((_, reject) => signal?.addEventListener('abort', () => reject(signal.reason as Error)));
        await Promise.race([this.#waiting, aborted]);
        return await tasks.build(job, signal);
      },
      buildPast: (job, signal) => tasks.buildPast(job, signal),
      scrub: (job, signal) => tasks.scrub(job, signal),
      check: (job, signal) => tasks.check(job, signal),
      verify: (job, signal) => tasks.verify(job, signal),
      close: () => tasks.close(),
    };
  }
}

interface Watched extends CompactedProject {
  readonly gate: BuildGate;
  readonly compactor: Compactor;
  /** Lets the compactor look a few times. */
  look(): Promise<void>;
}

async function withCompactor(storage: StorageChange, body: (watched: Watched) => Promise<void>): Promise<void> {
  const gate = new BuildGate();
  const project = await openCompacted({ storage, wrapTasks: (tasks) => gate.over(tasks) });
  const compactor = new Compactor({ ...project.compactorOptions, checkIntervalMs: LOOK_MS });
  compactor.resume(project.compaction);
  compactor.start();
  const look = async (): Promise<void> => {
    await sleep(LOOK_MS * 4);
    await project.disk.settle();
  };
  try {
    await body({ ...project, gate, compactor, look });
  } finally {
    gate.open();
    await compactor.close(0);
    await project.close();
  }
}

const committed = ({ disk }: CompactedProject): number => registryLines(disk, 'snapshot.committed').length;

test('a project is compacted when its interval has passed and something has changed, and not before',
  () => withCompactor(HOURLY, async (watched) => {
  const { clock, look } = watched;
  clock.advance(3_599_000);
  await look();
  assert.equal(committed(watched), 0);
  clock.advance(1000);
  await look();
  assert.equal(committed(watched), 1);
  clock.advance(3_600_000);
  await look();
  assert.equal(committed(watched), 1, 'nothing has changed');
  await watched.fill(1, 1);
  clock.advance(3_600_000);
  await look();
  assert.equal(committed(watched), 2);
}));

test('with the interval 0 a project is compacted on request and at shutdown', () => withCompactor(ON_DEMAND, async (watched) => {
  watched.clock.advance(1_000_000_000);
  await watched.look();
  assert.equal(committed(watched), 0);
  assert.equal((await watched.compactor.compact(PROJECT, CONTEXT)).seq, 1);
  await watched.fill(1, 1);
  await watched.compactor.close(10_000);
  assert.equal(committed(watched), 2);
}));

test('a shorter interval takes effect at once', () => withCompactor(HOURLY, async (watched) => {
  await watched.store.submit({ type: 'project.update', change: { storage: { compaction: { interval_seconds: 1 } } } }, CONTEXT);
  watched.clock.advance(1000);
  await watched.look();
  assert.equal(committed(watched), 1);
}));

test('a failure is logged with the wait until the next attempt: the interval, then twice that, and so on',
  () => withCompactor(HOURLY, async (watched) => {
  const { gate, clock, look, compactor, logged } = watched;
  const minute = 60_000;
  await watched.store.submit({ type: 'project.update', change: { storage: { compaction: { interval_seconds: 60 } } } }, CONTEXT);
  gate.fault = new Error('made to fail');
  clock.advance(minute);
  await look();
  assert.deepEqual([gate.begun, compactor.failingCount], [1, 1]);
  for (const [tries, waitMs] of [[2, minute], [3, 2 * minute], [4, 4 * minute]] as const) {
    clock.advance(waitMs - 1);
    await look();
    assert.equal(gate.begun, tries - 1, `before try ${tries}`);
    clock.advance(1);
    await look();
    assert.equal(gate.begun, tries);
  }
  assert.deepEqual(logged.filter(({ level }) => level === 'error').map((line) => line['next_try_seconds']), [60, 120, 240, 480]);
  gate.fault = undefined;
  clock.advance(8 * minute);
  await look();
  assert.deepEqual([committed(watched), compactor.failingCount], [1, 0]);
}));

const PASSING = [['compaction_failed', new Error('made to fail')], ['disk_failed', new RunDamagedError('snap-1.run-1', 7)]] as const;
for (const [code, fault] of PASSING) {
  test(`a failure (${code}) with the interval 0 is retried automatically`, () => withCompactor(ON_DEMAND, async (watched) => {
    const { gate, compactor } = watched;
    gate.fault = fault;
    assert.equal((await refusalOf(compactor.compact(PROJECT, CONTEXT))).code, code);
    gate.fault = undefined;
    watched.clock.advance(1000);
    await watched.look();
    assert.deepEqual([committed(watched), compactor.failingCount], [1, 0]);
  }));
}

const DAMAGE = new LogCorruptError({ file: 'p1.jsonl', offset: 7 }, 'a line', 'something else');

test('damage is reported once, with what to do, and not tried again until asked for', () => withCompactor(HOURLY, async (watched) => {
  const { gate, clock, look, compactor, logged } = watched;
  gate.fault = DAMAGE;
  clock.advance(3_600_000);
  await look();
  assert.deepEqual([gate.begun, compactor.failingCount], [2, 1], 'it is read a second time before it counts');
  for (let hour = 0; hour < 5; hour += 1) {
    await watched.fill(hour, hour);
    clock.advance(36_000_000);
    await look();
  }
  assert.equal(gate.begun, 2);
  assert.equal((await refusalOf(compactor.compact(PROJECT, CONTEXT))).code, 'project_corrupt');
  assert.deepEqual([gate.begun, compactor.failingCount], [4, 1]);
  const told = logged.filter(({ level }) => level === 'error');
  assert.equal(told.length, 1);
  assert.match(told[0]?.msg ?? '', /files of the project are damaged/);
  assert.match(String(told[0]?.['what_to_do']), /GET \/api\/v1\/projects\/p1\/keys.*repair p1 --config \/etc\/config\.json/);
  gate.fault = undefined;
  await compactor.compact(PROJECT, CONTEXT);
  await watched.fill(9, 9);
  clock.advance(3_600_000);
  await look();
  assert.deepEqual([committed(watched), compactor.failingCount], [2, 0], 'it goes on by itself once the damage is gone');
}));

test('a log that reads as damaged once still gets its snapshot', () => withCompactor(HOURLY, async (watched) => {
  const { gate, compactor } = watched;
  gate.fault = DAMAGE;
  gate.faultsMax = 1;
  await compactor.compact(PROJECT, CONTEXT);
  assert.deepEqual([gate.begun, committed(watched), compactor.failingCount], [2, 1, 0]);
}));

test('failed compactions block no write, and keep the code of a full disk', () => withCompactor(ON_DEMAND, async (watched) => {
  const { gate, compactor } = watched;
  gate.fault = new AppError('disk_full', 'Cannot write the snapshot');
  for (let round = 1; round <= 5; round += 1) {
    assert.equal((await refusalOf(compactor.compact(PROJECT, CONTEXT))).code, 'disk_full');
    await watched.fill(round, round);
  }
  assert.equal(watched.store.values.count, 5);
  assert.equal(watched.store.logState, 'writable');
}));

test('a compaction that takes longer than its interval is not requested again meanwhile', () => withCompactor(HOURLY, async (watched) => {
  const { gate, clock, look } = watched;
  gate.shut();
  for (let hour = 0; hour < 5; hour += 1) {
    clock.advance(3_600_000);
    await look();
    await watched.fill(hour, hour);
  }
  assert.equal(gate.begun, 1);
  gate.open();
  await look();
  assert.equal(gate.begun, 1);
}));

test('one at a time: a call waits for a running compaction, and its snapshot has everything that was durable at the call',
  () => withCompactor(ON_DEMAND, async (watched) => {
  const { gate, compactor } = watched;
  gate.shut();
  const first = compactor.compact(PROJECT, CONTEXT);
  await watched.look();
  await watched.fill(1, 3);
  const calls = [compactor.compact(PROJECT, CONTEXT), compactor.compact(PROJECT, CONTEXT)];
  await watched.look();
  assert.equal(gate.begun, 1);
  gate.open();
  assert.equal((await first).seq, 1);
  for (const { seq } of await Promise.all(calls)) assert.equal(seq, 4);
  assert.equal(committed(watched), 2);
}));

test('release() aborts a compaction, and nothing is written afterwards; its result resumes',
  () => withCompactor(ON_DEMAND, async (watched) => {
  const { gate, compactor, disk } = watched;
  await watched.fill(1, 3);
  gate.shut();
  const running = compactor.compact(PROJECT, CONTEXT);
  const queued = compactor.compact(PROJECT, CONTEXT);
  const refusals = Promise.all([refusalOf(running), refusalOf(queued)]);
  await watched.look();
  const resume = await compactor.release(PROJECT);
  const before = disk.calls.length;
  gate.open();
  await watched.look();
  assert.equal(disk.calls.length, before, 'nothing of it touches the disk any more');
  assert.deepEqual((await refusals).map(({ code }) => code), ['project_not_found', 'project_not_found']);
  assert.equal((await refusalOf(compactor.compact(PROJECT, CONTEXT))).code, 'not_on_disk');
  assert.deepEqual((await namesIn(disk)).filter((name) => name.startsWith('snap-')), []);
  resume();
  assert.equal((await compactor.compact(PROJECT, CONTEXT)).seq, 4);
}));

test('after release() at any call of a compaction, nothing continues', async () => {
  for (let nth = 1; ; nth += 1) {
    const project = await openCompacted();
    await project.fill(1, 6);
    const compactor = new Compactor(project.compactorOptions);
    compactor.resume(project.compaction);
    let letGo = (): void => undefined;
    const until = new Promise<void>((resolve) => {
      letGo = resolve;
    });
    project.disk.fail({ number: project.disk.calls.length + nth, action: { kind: 'hold', until } });
    const outcome = compactor.compact(PROJECT, CONTEXT).then(() => true, () => false);
    await project.disk.settle();
    const releasing = compactor.release(PROJECT);
    letGo();
    await releasing;
    const before = project.disk.calls.length;
    await project.disk.settle();
    assert.equal(project.disk.calls.length, before, `call ${nth}`);
    const isWhole = await outcome;
    const again = await project.reopen();
    assert.equal(again.store.values.count, 6);
    assert.deepEqual(again.logged.filter(({ level }) => level === 'error'), []);
    await again.close();
    if (isWhole && nth > 40) break;
    assert.ok(nth < 2000, 'a compaction ends');
  }
});

test('close() makes the due snapshots, aborts those that take too long, and leaves nothing unfinished',
  () => withCompactor(ON_DEMAND, async (watched) => {
  await watched.fill(1, 3);
  watched.gate.shut();
  const startMs = performance.now();
  await watched.compactor.close(50);
  assert.ok(performance.now() - startMs < 5000);
  assert.deepEqual((await namesIn(watched.disk)).filter((name) => name.startsWith('snap-')), []);
  assert.equal((await refusalOf(watched.compactor.compact(PROJECT, CONTEXT))).code, 'not_on_disk');
}));

test('close() does not retry a failed compaction', () => withCompactor(ON_DEMAND, async (watched) => {
  watched.gate.fault = new Error('made to fail');
  await refusalOf(watched.compactor.compact(PROJECT, CONTEXT));
  await watched.compactor.close(1000);
  assert.equal(watched.gate.begun, 1);
}));

test('each compaction that ends is reported with how it ended and how long it took', async () => {
  const gate = new BuildGate();
  const project = await openCompacted({ storage: ON_DEMAND, wrapTasks: (tasks) => gate.over(tasks) });
  const reported: unknown[] = [];
  const observer = { compacted: (...facts: readonly unknown[]) => void reported.push(facts), scrubbed: () => undefined };
  const compactor = new Compactor({ ...project.compactorOptions, observer });
  compactor.resume(project.compaction);
  await compactor.compact(PROJECT);
  await project.fill(1, 1);
  gate.fault = new Error('made to fail');
  await assert.rejects(compactor.compact(PROJECT));
  gate.fault = undefined;
  gate.shut();
  const begun = gate.begun;
  const running = compactor.compact(PROJECT);
  for (let round = 0; round < 200 && gate.begun === begun; round += 1) await sleep(LOOK_MS);
  project.clock.advance(700);
  await compactor.release(PROJECT);
  await assert.rejects(running);
  assert.deepEqual(reported, [[PROJECT, 'ok', 0], [PROJECT, 'failed', 0], [PROJECT, 'aborted', 700]]);
  await compactor.close(0);
  await project.close();
});

test('an unwatched project is not on disk', async () => {
  const project = await openCompacted();
  const compactor = new Compactor(project.compactorOptions);
  assert.equal((await refusalOf(compactor.compact('none', CONTEXT))).code, 'not_on_disk');
  compactor.request('none');
  (await compactor.release('none'))();
  await compactor.close(0);
  await project.close();
});

test('projects are compacted one at a time', async () => {
  const gate = new BuildGate();
  const project = await openCompacted({ wrapTasks: (tasks) => gate.over(tasks) });
  const other = await openCompacted();
  const tasks = gate.over(new InlineTasks(other.disk));
  const parts = { ...other, ...other.compactorOptions, snapshots: other.snapshots, tasks, logger: collectingLogger([]) };
  const second = new ProjectCompaction(parts, []);
  Object.defineProperty(second, 'store', { value: Object.create(other.store, { id: { value: 'p2' } }) });
  const compactor = new Compactor(project.compactorOptions);
  compactor.resume(project.compaction);
  compactor.resume(second);
  gate.shut();
  const calls = [compactor.compact(PROJECT), compactor.compact('p2')];
  await project.disk.settle();
  assert.equal(gate.begun, 1);
  gate.open();
  await Promise.all(calls);
  assert.equal(gate.begun, 2);
  await compactor.close(0);
  await Promise.all([project.close(), other.close()]);
});

test.run();
