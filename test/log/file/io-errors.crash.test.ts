/** Failing disk calls: the answer, the state, the content of the file, and what the next startup finds. */
import assert from 'node:assert/strict';
import { setTimeout as delay } from 'node:timers/promises';
import type { Log, LogState } from '../../../src/log/log.js';
import { suite } from '../../suite.js';
import { sampled } from '../../test-form.js';
import { judgeSurvivor, LOSSES, type Told } from './crash-scenario.js';
import { errnoError } from '../../disk/disk-tree.js';
import { CHANGING_METHODS, type DiskCall, type Fault, FaultDisk } from '../../disk/fault-disk.js';
import {
  ACTIVE, appendBatches, closedGate, collect, createLog, drafts, emptyDisk, HEAD,
  linesOf, openLog, OPTIONS, recordingLogger, SMALL_SEGMENTS,
} from './log-fixture.js';

/** The short form tests one failure in this many. */
const EVERY = 11;

const test = suite('calls of the disk that fail');

/** A log of two lines, acknowledged. */
async function logOfTwo(options = OPTIONS): Promise<{ disk: FaultDisk; log: Log; told: Told }> {
  const disk = emptyDisk();
  const log = await createLog(disk, options);
  const lines = await log.append(drafts(1, 2), 0);
  return { disk, log, told: { created: true, hashes: lines.map((line) => line.hash) } };
}

async function until(log: Log, state: LogState): Promise<void> {
  for (let round = 0; round < 200 && log.state() !== state; round += 1) await delay(2);
  assert.equal(log.state(), state);
}

const LACKS_ROOM: Readonly<Record<string, Fault['action']>> = {
  'ENOSPC': { kind: 'errno', code: 'ENOSPC' },
  'ENOSPC after some bytes': { kind: 'torn', bytes: 100, code: 'ENOSPC' },
  'EDQUOT': { kind: 'errno', code: 'EDQUOT' },
  'EFBIG': { kind: 'torn', bytes: 7, code: 'EFBIG' },
  'a short count': { kind: 'short', bytes: 100 },
  'a short count of all but the last byte': { kind: 'short', bytes: 245 },
};
for (const [name, action] of Object.entries(LACKS_ROOM)) {
  test(`a write that hits ${name} is undone; the log is read-only until there is space, then continues`, async () => {
    const { disk, log, told } = await logOfTwo();
    const before = disk.bytesOf(ACTIVE);
    const clear = disk.fail({ method: 'append', path: 'probe', times: 3, action: { kind: 'errno', code: 'ENOSPC' } });
    disk.fail({ method: 'append', path: ACTIVE, action });
    const reported: string[] = [];
    log.onStateChange(() => void reported.push(log.state()));
    await assert.rejects(log.append(drafts(3, 3), 2), { code: 'disk_full' });
    assert.deepEqual(disk.bytesOf(ACTIVE), before, 'byte for byte what it was');
    assert.deepEqual(disk.tree.file(ACTIVE).syncedBytes, before, 'and durably so');
    assert.equal(log.state(), 'read_only');
    await assert.rejects(log.append(drafts(3, 3), 2), { code: 'disk_full' });
    assert.equal((await collect(log.read({ fromSeq: 1 }))).length, 2);
    await until(log, 'writable');
    clear();
    assert.deepEqual(reported, ['read_only', 'writable']);
    assert.equal(disk.tree.find('/logs/p1/probe'), undefined);
    told.hashes.push(...(await log.append(drafts(3, 3), 2)).map((line) => line.hash));
    await log.close();
    await judgeSurvivor(disk, told, OPTIONS);
  });
}

test('a really full disk refuses lines, keeps what it has, and accepts lines when there is space', async () => {
  const { disk, log, told } = await logOfTwo();
  disk.roomBytes = 700;
  for (let seq = 2; log.state() === 'writable'; seq += 1) {
    const lines = await log.append(drafts(seq + 1, seq + 1), seq).catch((error: { code: string }) => assert.equal(error.code, 'disk_full'));
    told.hashes.push(...(lines ?? []).map((line) => line.hash));
  }
  assert.equal(told.hashes.length, 4);
  await delay(20);
  assert.equal(log.state(), 'read_only', 'while there is no space');
  disk.roomBytes = 1_000_000;
  await until(log, 'writable');
  told.hashes.push(...(await log.append(drafts(5, 5), 4)).map((line) => line.hash));
  await log.close();
  await judgeSurvivor(disk, told, OPTIONS);
});

const FAILS: Readonly<Record<string, readonly Fault[]>> = {
  'a write that meets EIO': [{ method: 'append', path: ACTIVE, action: { kind: 'torn', bytes: 50, code: 'EIO' } }],
  'a sync that meets EIO': [{ method: 'datasync', path: ACTIVE, action: { kind: 'errno', code: 'EIO' } }],
  'a sync that meets ENOSPC': [{ method: 'datasync', path: ACTIVE, action: { kind: 'errno', code: 'ENOSPC' } }],
  'a cut that fails': [
    { method: 'append', path: ACTIVE, action: { kind: 'torn', bytes: 50, code: 'ENOSPC' } },
    { method: 'truncate', path: ACTIVE, action: { kind: 'errno', code: 'EIO' } },
  ],
  'a cut that cannot be made durable': [
    { method: 'append', path: ACTIVE, action: { kind: 'short', bytes: 50 } },
    { method: 'datasync', path: ACTIVE, action: { kind: 'errno', code: 'EIO' } },
  ],
  'a cut that cannot be confirmed': [
    { method: 'append', path: ACTIVE, action: { kind: 'short', bytes: 50 } },
    { method: 'fileStatus', path: ACTIVE, action: { kind: 'errno', code: 'EIO' } },
  ],
};
for (const [name, faults] of Object.entries(FAILS)) {
  test(`${name} fails the log: outcome_unknown once, log_failed from then on, reads continue`, async () => {
    const { logger, lines: told } = recordingLogger();
    const disk = emptyDisk();
    const log = await createLog(disk, OPTIONS, { logger });
    const acknowledged = await log.append(drafts(1, 2), 0);
    for (const fault of faults) disk.fail(fault);
    await assert.rejects(log.append(drafts(3, 4), 2), { code: 'outcome_unknown' });
    assert.equal(log.state(), 'failed');
    const callCount = disk.calls.length;
    await assert.rejects(log.append(drafts(3, 4), 2), { code: 'log_failed' });
    assert.equal(disk.calls.length, callCount, 'nothing is retried');
    assert.equal((await collect(log.read({ fromSeq: 1 }))).length, 2);
    assert.equal(log.position().seq, 2);
    assert.ok(told.some(({ level, msg }) => level === 'error' && msg.startsWith('the log has failed')));
    await log.close();
    assert.deepEqual(disk.openPaths, []);
    for (const loss of Object.values(LOSSES)) {
      await judgeSurvivor(disk.crash(loss), { created: true, hashes: acknowledged.map((line) => line.hash) }, OPTIONS);
    }
  });
}

test('a failed background sync fails the log, and a concurrent append is not acknowledged', async () => {
  for (const durability of ['interval', 'fsync'] as const) {
    const { disk, log } = await logOfTwo({ ...OPTIONS, durability: 'interval', syncIntervalMs: 1 });
    disk.fail({ method: 'datasync', path: ACTIVE, action: { kind: 'errno', code: 'EIO' } });
    const gate = closedGate();
    disk.fail({ method: 'append', path: ACTIVE, action: { kind: 'hold', until: gate.promise } });
    log.configure({ ...OPTIONS, durability, syncIntervalMs: 1 });
    const appending = assert.rejects(log.append(drafts(3, 3), 2), { code: 'outcome_unknown' });
    await until(log, 'failed');
    gate.open();
    await appending;
    assert.equal(log.position().seq, 2);
    const syncs = disk.calls.filter((call) => call.method === 'datasync' && call.path === ACTIVE).length;
    await log.close();
    assert.equal(disk.calls.filter((call) => call.method === 'datasync' && call.path === ACTIVE).length, syncs, 'never retried');
  }
});

test('a background sync during a foreground one: neither hides the failure of the other', async () => {
  const { disk, log } = await logOfTwo({ ...OPTIONS, durability: 'interval', syncIntervalMs: 1 });
  const gate = closedGate();
  // The system reports a failure once: of two syncs on one descriptor, the other one succeeds.
  const until = gate.promise.then(() => Promise.reject(errnoError('EIO', 'datasync')));
  disk.fail({ method: 'datasync', path: ACTIVE, action: { kind: 'hold', until } });
  await delay(10);
  log.configure(OPTIONS);
  const appending = assert.rejects(log.append(drafts(3, 3), 2), { code: 'outcome_unknown' });
  await disk.settle();
  gate.open();
  await appending;
  assert.equal(log.state(), 'failed');
  await log.close();
});

test('closing while the append in flight fails leaves the log closed', async () => {
  for (const action of [{ kind: 'errno', code: 'EIO' }, { kind: 'errno', code: 'ENOSPC' }] as const) {
    const { disk, log } = await logOfTwo();
    disk.fail({ method: 'append', path: ACTIVE, action });
    const appending = assert.rejects(log.append(drafts(3, 3), 2));
    const closing = log.close();
    await appending;
    await closing;
    assert.equal(log.state(), 'closed');
    const callCount = disk.calls.length;
    await delay(20);
    assert.equal(disk.calls.length, callCount, 'no probe is running');
  }
});

test('closing reports if the last lines could not be made durable', async () => {
  const { disk, log } = await logOfTwo({ ...OPTIONS, durability: 'os' });
  disk.fail({ method: 'datasync', path: ACTIVE, action: { kind: 'errno', code: 'EIO' } });
  await assert.rejects(log.close(), { code: 'outcome_unknown' });
  assert.deepEqual(disk.openPaths, []);
});

test('a head that cannot be written or opened only causes a warning', async () => {
  for (const [method, path] of [['open', 'head'], ['overwrite', 'head'], ['datasync', 'head']] as const) {
    const { disk, log } = await logOfTwo();
    disk.fail({ method, path, times: Number.POSITIVE_INFINITY, action: { kind: 'errno', code: 'EMFILE' } });
    await log.close();
    const { logger, lines } = recordingLogger();
    const clear = disk.fail({ method: 'append', path: 'head.tmp', action: { kind: 'short', bytes: 9 } });
    disk.tree.remove(HEAD);
    const again = await openLog(disk, OPTIONS, { logger });
    clear();
    assert.ok(lines.some(({ level, msg }) => level === 'warn' && msg.includes('head')));
    await again.log.append(drafts(3, 3), 2);
    await again.log.close();
    assert.deepEqual(disk.openPaths, []);
  }
});

/** Every way in which a call may fail: once or three times, with or without effect. */
function failuresOf(calls: readonly DiskCall[]) {
  const failures: (Fault & { readonly method: DiskCall['method']; readonly label: string })[] = [];
  const matches = new Map<string, number>();
  for (const { method, path } of calls) {
    const nth = (matches.get(`${method} ${path}`) ?? 0) + 1;
    matches.set(`${method} ${path}`, nth);
    for (const code of method.startsWith('open') ? ['EIO', 'EMFILE'] : ['EIO', 'ENOSPC']) {
      for (const carriedOut of CHANGING_METHODS.includes(method) && method !== 'open' ? [false, true] : [false]) {
        const times = failures.length % 2 === 0 ? 1 : 3;
        const label = `${method} ${path}, the ${nth}th: ${code}${carriedOut ? ' carried out' : ''}, ${times} times`;
        failures.push({ method, path, nth, times, action: { kind: 'errno', code, carriedOut }, label });
      }
    }
  }
  return failures;
}

test('one failing call anywhere never loses an acknowledged line and leaks no descriptor', async () => {
  const work = async (disk: FaultDisk, told: Told): Promise<void> => {
    const log = await createLog(disk, SMALL_SEGMENTS);
    told.created = true;
    try {
      for (let batch = 0; batch < 5; batch += 1) {
        const { seq } = log.position();
        try {
          told.hashes.push(...(await log.append(drafts(seq + 1, seq + 1), seq)).map((line) => line.hash));
        } catch (error) {
          assert.match((error as { code: string }).code, /^(disk_full|disk_failed|outcome_unknown|log_failed)$/);
        }
        if (log.state() === 'read_only') await until(log, 'writable');
      }
    } finally {
      await log.close();
    }
  };
  const whole = emptyDisk();
  await work(whole, { created: false, hashes: [] });
  const failures = failuresOf(whole.calls);
  assert.ok(failures.length > 250, `${failures.length} failures`);
  for (const { label, ...fault } of sampled(failures, EVERY)) {
    const disk = emptyDisk();
    const told: Told = { created: false, hashes: [] };
    disk.fail(fault);
    await work(disk, told).catch((error: unknown) => assert.ok(error instanceof Error));
    // A failed close released nothing.
    if (!fault.method.startsWith('close')) assert.deepEqual(disk.openPaths, [], label);
    for (const [name, loss] of Object.entries(LOSSES).slice(0, 2)) {
      await judgeSurvivor(
        disk.crash(loss), told, SMALL_SEGMENTS,
      ).catch((cause: unknown) => assert.fail(new Error(`${label}; ${name}`, { cause })));
    }
  }
});

test('a rotation without disk space continues with the old file, and is retried later', async () => {
  const disk = emptyDisk();
  const log = await createLog(disk, SMALL_SEGMENTS);
  await appendBatches(log, [1, 1]);
  disk.fail({ method: 'link', action: { kind: 'errno', code: 'ENOSPC' } });
  await appendBatches(log, [1, 1]);
  assert.equal(log.state(), 'writable');
  assert.equal(linesOf(disk).length, 5);
  assert.ok(!disk.bytesOf(ACTIVE).includes('"seal"'));
  await log.close();
  const { log: again, replayed } = await openLog(disk, SMALL_SEGMENTS);
  assert.equal(replayed.length, 4);
  await again.close();
});

test('a seal whose fate is unknown ends the log: no line ever follows it', async () => {
  const disk = emptyDisk();
  const log = await createLog(disk, SMALL_SEGMENTS);
  await appendBatches(log, [1, 1]);
  disk.fail({ method: 'link', action: { kind: 'errno', code: 'ENOSPC' } });
  disk.fail({ method: 'status', path: /\d{20}\.jsonl$/, action: { kind: 'errno', code: 'EIO' } });
  await assert.rejects(log.append(drafts(3, 3), 2), { code: 'log_failed' });
  await log.close();
  const { log: again, replayed } = await openLog(disk, SMALL_SEGMENTS);
  assert.equal(replayed.length, 2);
  await appendBatches(again, [1]);
  await again.close();
});

test.run();
