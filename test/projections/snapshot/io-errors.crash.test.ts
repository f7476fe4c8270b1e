/** An error at every call of a compaction: it fails, or succeeds anyway; the old generation survives, and no file is left over. */
import assert from 'node:assert/strict';
import { AppError } from '../../../src/base/app-error.js';
import type { DiskMethod, FaultAction, FaultDisk } from '../../disk/fault-disk.js';
import { suite } from '../../suite.js';
import { sampled, strideOf } from '../../test-form.js';
import { judge, judgeNextStart, makeGeneration, NEW_SEQ, newestOf, oldDisk } from './generation-scenario.js';
import { namesIn } from './snapshot-fixture.js';

const TIMEOUT_MS = 240_000;
/** The short form takes one error in so many. */
const EVERY = 11;
const { step: STEP } = strideOf(EVERY);
const ERRORS: readonly FaultAction[] = [
  { kind: 'errno', code: 'EIO' }, { kind: 'errno', code: 'ENOSPC' }, { kind: 'errno', code: 'EIO', carriedOut: true },
];
const WRITE_ERRORS: readonly FaultAction[] = [
  { kind: 'short', bytes: 1 }, { kind: 'torn', bytes: 3, code: 'ENOSPC' }, { kind: 'torn', bytes: 3, code: 'EIO' },
];

const test = suite('an error at every call of a compaction');

interface FailedRun {
  readonly disk: FaultDisk;
  /** Undefined when the work succeeded all the same. */
  readonly error: unknown;
  readonly method: DiskMethod;
  readonly action: FaultAction;
  readonly label: string;
}

/** Runs the compaction once for each call and each error there, for this call alone or for it and all later ones. */
async function* failEverywhere(start: FaultDisk, times: number): AsyncGenerator<FailedRun> {
  const whole = start.crash();
  const previous = await newestOf(whole);
  const firstCall = whole.calls.length + 1;
  await makeGeneration(whole, previous);
  const errors = whole.calls.slice(firstCall - 1).flatMap(({ number, method, path }) => (
    (method === 'append' ? [...ERRORS, ...WRITE_ERRORS] : ERRORS).map((action) => ({ number, method, path, action }))
  ));
  for (const { number, method, path, action } of sampled(errors, EVERY)) {
    const disk = start.crash();
    const manifest = await newestOf(disk);
    // Counted from here, and matching everything, so that `times` reaches the calls after it.
    const heal = disk.fail({ nth: number - firstCall + 1, times, action });
    const error = await makeGeneration(disk, manifest).then(() => undefined, (thrown: unknown) => thrown ?? 'nothing');
    heal();
    yield { disk, error, method, action, label: `call ${number} ${method} ${path}, ${JSON.stringify(action)}: ${String(error)}` };
  }
}

test('a single error leaves no file of the attempt, and the compaction can be repeated', async () => {
  const start = await oldDisk();
  const before = namesIn(start);
  let runs = 0;
  let failures = 0;
  for await (const { disk, error, method, action, label } of failEverywhere(start, 1)) {
    const rest = namesIn(disk).filter((name) => !before.includes(name) && !name.includes(String(NEW_SEQ)));
    assert.deepEqual(rest, [], label);
    if (error === undefined) assert.ok(namesIn(disk).every((name) => !name.endsWith('-new')), label);
    else assert.deepEqual(namesIn(disk), before, label);
    if (error !== undefined) failures += 1;
    if (error !== undefined && ('code' in action ? action.code === 'ENOSPC' : action.kind === 'short')) {
      assert.ok(error instanceof AppError && error.code === 'disk_full', label);
    }
    // The system frees a descriptor whose close failed, or that no caller received.
    if (!/^(?:close|open)/.test(method)) assert.deepEqual(disk.openPaths, [], label);
    try {
      await judgeNextStart(disk, error === undefined);
    } catch (cause) {
      throw new Error(`After ${label}`, { cause });
    }
    runs += 1;
  }
  assert.ok(runs * STEP > 200 && failures * STEP > 150, `${runs} runs, ${failures} failures`);
}, { timeoutMs: TIMEOUT_MS });

test('a permanent error leaves the old generation, and startup cleans up', async () => {
  const start = await oldDisk();
  for await (const { disk, error, label } of failEverywhere(start, Number.POSITIVE_INFINITY)) {
    try {
      await judge(disk, error === undefined);
      for (const loss of ['cached', 'synced'] as const) {
        await judgeNextStart(disk.crash({ content: loss, size: loss, names: loss }), error === undefined);
      }
    } catch (cause) {
      throw new Error(`After ${label}`, { cause });
    }
  }
}, { timeoutMs: TIMEOUT_MS });

test('a full disk, whatever space there was, leaves the old generation alone', async () => {
  const start = await oldDisk();
  const before = namesIn(start);
  let roomBytes = strideOf(EVERY).offset;
  for (; ; roomBytes += STEP) {
    const disk = start.crash();
    const manifest = await newestOf(disk);
    disk.roomBytes = roomBytes;
    const error = await makeGeneration(disk, manifest).then(() => undefined, (thrown: unknown) => thrown);
    if (error === undefined) break;
    assert.ok(error instanceof AppError && error.code === 'disk_full', `${roomBytes} bytes: ${String(error)}`);
    assert.deepEqual([namesIn(disk), disk.openPaths], [before, []], `${roomBytes} bytes`);
    await judge(disk, false);
  }
  assert.ok(roomBytes > 500, `${roomBytes} bytes are enough`);
}, { timeoutMs: TIMEOUT_MS });

test.run();
