/** The file of checkpoints: which lines come into it, and what happens when it cannot be written. */
import assert from 'node:assert/strict';
import { setImmediate as nextRound } from 'node:timers/promises';
import type { Checkpoint } from '../../src/events/checkpoint.js';
import { LineFile } from '../../src/disk/line-file.js';
import { CheckpointWriter } from '../../src/projects/checkpoint-writer.js';
import type { ProjectStore } from '../../src/store/project-store.js';
import { ProjectTable } from '../../src/store/project-table.js';
import { ManualClock } from '../base/manual-clock.js';
import { FaultDisk, type Fault } from '../disk/fault-disk.js';
import { emptyDisk, homeOn, OPTIONS, recordingLogger, type RecordingLogger } from '../log/file/log-fixture.js';
import { CONTEXT, create, set, storeInMemory, storeOver } from '../store/created-store.js';
import { suite } from '../suite.js';

const test = suite('checkpoint-writer');
const FOLDER = '/audit';
const PATH = `${FOLDER}/checkpoints.jsonl`;
const INTERVAL_MS = 60_000;

/** A server's projects and its checkpoint file; rounds come when the test says so. */
class World {
  readonly disk = new FaultDisk();
  readonly table = new ProjectTable();
  readonly log: RecordingLogger = recordingLogger();
  readonly waits: number[] = [];
  writer = this.#start();
  #next: (() => void) | undefined;

  constructor() {
    this.disk.tree.makeFolder(FOLDER);
  }

  #start(): CheckpointWriter {
    return new CheckpointWriter({
      table: this.table, file: new LineFile(this.disk, PATH), intervalMs: INTERVAL_MS, logger: this.log.logger,
      wait: (ms, signal) => new Promise<void>((resolve, reject) => {
        this.waits.push(ms);
        this.#next = resolve;
        signal.addEventListener('abort', () => reject(new Error('aborted')), { once: true });
      }),
    });
  }

  /** Starts the writer, and waits for its first round. */
  async start(): Promise<void> {
    this.writer.start();
    await this.#settled();
  }

  /** Lets the interval pass, and waits for the round. */
  async round(): Promise<void> {
    const next = this.#next ?? assert.fail('no round is due');
    this.#next = undefined;
    next();
    await this.#settled();
  }

  async #settled(): Promise<void> {
    while (this.#next === undefined) await nextRound();
  }

  async stop(): Promise<void> {
    await this.writer.close(10_000);
  }

  /** Another process with the same projects and file. */
  async restart(): Promise<void> {
    await this.stop();
    this.#next = undefined;
    this.writer = this.#start();
    await this.start();
  }

  async serve(id: string): Promise<ProjectStore> {
    const home = homeOn(emptyDisk(), { clock: new ManualClock() });
    const store = storeOver(await home.create(id, { ...OPTIONS, logId: id.padEnd(32, '0').replace(/[^0-9a-f]/g, '0') }));
    await store.submit(create(), CONTEXT);
    this.table.serve(store);
    return store;
  }

  get lines(): readonly string[] {
    return this.disk.bytesOf(PATH).toString().split('\n').slice(0, -1);
  }

  /** The lines in short. */
  get written(): readonly string[] {
    return this.lines.map((line) => {
      const { project, seq } = JSON.parse(line) as Checkpoint;
      return `${project} ${seq}`;
    });
  }

  get warnings(): readonly string[] {
    return this.log.lines.filter(({ level }) => level === 'warn').map(({ msg }) => msg);
  }
}

const NOT_APPENDED = 'checkpoints could not be appended to their file; the next round tries again';

test('a line is exactly the checkpoint of its project', async () => {
  const world = new World();
  const store = await world.serve('a');
  await world.start();
  assert.deepEqual(world.lines, [JSON.stringify(await store.checkpoint())]);
  const { hash, logId, lastTimeMs } = store;
  const expected = { project: 'a', log_id: logId, seq: 1, hash, time: new Date(lastTimeMs).toISOString() };
  assert.deepEqual(JSON.parse(world.lines[0] ?? ''), expected);
  assert.deepEqual(Object.keys(JSON.parse(world.lines[0] ?? '') as object), ['project', 'log_id', 'seq', 'hash', 'time']);
});

test('each round appends those that have grown, with one write and one sync', async () => {
  const world = new World();
  const [a] = [await world.serve('a'), await world.serve('b')];
  await world.start();
  await world.round();
  await a.submit(set('k'), CONTEXT);
  await a.submit(set('l'), CONTEXT);
  await world.round();
  await world.serve('c');
  await world.round();
  assert.deepEqual(world.written, ['a 1', 'b 1', 'a 3', 'c 1']);
  assert.deepEqual(world.waits, [INTERVAL_MS, INTERVAL_MS, INTERVAL_MS, INTERVAL_MS]);
  assert.equal(world.disk.calls.filter(({ method }) => method === 'append').length, 3);
  assert.equal(world.disk.calls.filter(({ method }) => method === 'datasync').length, 3);
  assert.deepEqual(world.disk.openPaths, []);
});

test('a project in memory, and one that is refused, has none', async () => {
  const world = new World();
  const inMemory = await storeInMemory();
  world.table.serve(inMemory);
  world.table.refuse({ id: 'r', code: 'project_corrupt', reason: '', settings: inMemory.settings });
  await world.start();
  assert.throws(() => world.lines);
  await world.serve('a');
  await world.round();
  assert.deepEqual(world.written, ['a 1']);
});

test('a start repeats no checkpoint, and a stop makes a last round', async () => {
  const world = new World();
  const a = await world.serve('a');
  await world.serve('b');
  await world.start();
  await world.restart();
  assert.deepEqual(world.written, ['a 1', 'b 1']);
  await a.submit(set('k'), CONTEXT);
  await world.stop();
  assert.deepEqual(world.written, ['a 1', 'b 1', 'a 2']);
  assert.deepEqual(world.warnings, []);
});

test('a writer that was never started writes nothing when it is closed', async () => {
  const world = new World();
  await world.serve('a');
  await world.stop();
  assert.throws(() => world.lines);
});

test('a log that ends where another one did is another checkpoint', async () => {
  const world = new World();
  await world.serve('a');
  await world.start();
  world.table.remove('a');
  await world.serve('a');
  await world.round();
  assert.deepEqual(world.written, ['a 1', 'a 1']);
  assert.notEqual(world.lines[0], world.lines[1]);
});

test('a file that was rotated gets only what grows afterwards', async () => {
  const world = new World();
  const a = await world.serve('a');
  await world.serve('b');
  await world.start();
  await world.disk.rename(PATH, `${PATH}.1`);
  await world.round();
  assert.throws(() => world.lines);
  await a.submit(set('k'), CONTEXT);
  await world.round();
  assert.deepEqual(world.written, ['a 2']);
});

test('a line that a crash cut off stays alone, and its checkpoint is written again', async () => {
  const world = new World();
  await world.serve('a');
  await world.serve('b');
  await world.start();
  const whole = world.lines;
  await world.stop();
  world.disk.put(PATH, world.disk.bytesOf(PATH).subarray(0, -20));
  await world.restart();
  assert.deepEqual(world.lines, [whole[0], whole[1]?.slice(0, -19), whole[1]]);
});

const FAULTS: Readonly<Record<string, Fault>> = {
  'a file that cannot be opened': { method: 'open', path: PATH, action: { kind: 'errno', code: 'EACCES' } },
  'a full disk': { method: 'append', action: { kind: 'errno', code: 'ENOSPC' } },
  'a short write': { method: 'append', action: { kind: 'short', bytes: 300 } },
  'a torn write': { method: 'append', action: { kind: 'torn', bytes: 10, code: 'EIO' } },
  'a failed sync': { method: 'datasync', action: { kind: 'errno', code: 'EIO' } },
};

for (const [name, fault] of Object.entries(FAULTS)) {
  test(`${name} is logged, disturbs no write, and costs no checkpoint and no second one`, async () => {
    const world = new World();
    const [a, b] = [await world.serve('a'), await world.serve('b')];
    await world.start();
    await a.submit(set('k'), CONTEXT);
    await world.serve('c');
    world.disk.fail(fault);
    await world.round();
    assert.deepEqual(world.warnings, [NOT_APPENDED]);
    assert.equal((await b.submit(set('l'), CONTEXT)).seq, 2);
    const untouched = await world.serve('d');
    assert.equal(untouched.seq, 1);
    await world.round();
    const whole = world.lines.filter((line) => line.endsWith('}'));
    assert.equal(new Set(whole).size, whole.length, 'no checkpoint twice');
    const newest = await Promise.all(world.table.list().map((one) => (one.kind === 'served' ? one.store.checkpoint() : undefined)));
    for (const checkpoint of newest) assert.ok(whole.includes(JSON.stringify(checkpoint)), JSON.stringify(checkpoint));
    assert.deepEqual(world.warnings, [NOT_APPENDED]);
    assert.deepEqual(world.disk.openPaths, []);
  });
}

test('a folder that is not there is logged each round, until it is there', async () => {
  const world = new World();
  world.disk.tree.remove(FOLDER);
  await world.serve('a');
  await world.start();
  await world.round();
  assert.deepEqual(world.warnings, [NOT_APPENDED, NOT_APPENDED]);
  world.disk.tree.makeFolder(FOLDER);
  await world.round();
  assert.deepEqual(world.written, ['a 1']);
});

test('a log that cannot be synced costs only its own checkpoint', async () => {
  const world = new World();
  const a = await world.serve('a');
  await world.serve('b');
  const { checkpoint } = a;
  a.checkpoint = () => Promise.reject(new Error('no sync'));
  await world.start();
  assert.deepEqual(world.written, ['b 1']);
  const message = 'no checkpoint of a project could be made, because its log could not be synced; the next round tries again';
  assert.deepEqual(world.warnings, [message]);
  a.checkpoint = checkpoint;
  await world.round();
  assert.deepEqual(world.written, ['b 1', 'a 1']);
});

test('a file that hangs does not keep a stop waiting', async () => {
  const world = new World();
  const a = await world.serve('a');
  await world.start();
  await a.submit(set('k'), CONTEXT);
  let release = (): void => undefined;
  world.disk.fail({ method: 'datasync', action: { kind: 'hold', until: new Promise((resolve) => (release = resolve)) } });
  await world.writer.close(10);
  assert.deepEqual(world.warnings, ['the last checkpoints were not written in time; the next start writes newer ones']);
  release();
});

test.run();
