import assert from 'node:assert/strict';
import { mkdtemp, readdir, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { NodeDisk } from '../../../src/disk/node-disk.js';
import { LogCorruptError } from '../../../src/log/log-errors.js';
import type { Log } from '../../../src/log/log.js';
import { ManualClock } from '../../base/manual-clock.js';
import { suite } from '../../suite.js';
import { type LogFactory, testLogContract } from '../log-contract.js';
import { testScanContract } from '../scan-contract.js';
import {
  ACTIVE, appendBatches, closedGate, collect, createLog, diskWith, draft, drafts, emptyDisk, HEAD,
  HOME, homeOn, linesOf, LOG_ID, openLog, OPTIONS, PROJECT,
  recordingLogger, SMALL_SEGMENTS,
} from './log-fixture.js';

function eventLines(texts: readonly string[]): string[] {
  return texts.flatMap((text) => text.split('\n')).filter((line) => line.startsWith('{"seq":'));
}

const inMemory: LogFactory = async (options, clock) => {
  const disk = emptyDisk();
  let log = await createLog(disk, options, { clock });
  return {
    log,
    reopen: async () => {
      await log.close();
      ({ log } = await openLog(disk, options, { clock }));
      return log;
    },
    rawLines: async () => {
      const names = [
        ...disk.contents().keys(),
      ].filter((name) => name.endsWith('.jsonl')).sort((a, b) => b.length - a.length || (a < b ? -1 : 1));
      return await Promise.resolve(eventLines(names.map((name) => disk.bytesOf(name).toString())));
    },
    end: async () => {
      await log.close();
      assert.deepEqual(disk.openPaths, [], 'nothing stays open');
    },
  };
};

for (const testContract of [testLogContract, testScanContract]) testContract('files on a disk in memory', inMemory, { keepsLines: true });

testLogContract('files on the real disk', async (options, clock) => {
  const folder = await mkdtemp(path.join(tmpdir(), 'simplekv-log-'));
  const disk = new NodeDisk();
  let log = await createLog(disk, options, { clock, folder });
  return {
    log,
    reopen: async () => {
      await log.close();
      ({ log } = await openLog(disk, options, { clock, folder }));
      return log;
    },
    rawLines: async () => {
      const sealed = (await readdir(path.join(folder, PROJECT))).filter((name) => name.endsWith('.jsonl')).sort();
      const names = [...sealed.map((name) => `${PROJECT}/${name}`), `${PROJECT}.jsonl`];
      return eventLines(await Promise.all(names.map((name) => readFile(path.join(folder, name), 'utf8'))));
    },
    end: async () => {
      await log.close();
      await rm(folder, { recursive: true });
    },
  };
}, { keepsLines: true });

const test = suite('FileLog');

test('a batch is one write, one check of the file, and one sync', async () => {
  const disk = emptyDisk();
  const log = await createLog(disk);
  await log.append(drafts(1, 1), 0);
  disk.calls.length = 0;
  await log.append(drafts(2, 5), 1);
  assert.deepEqual(disk.calls.map((call) => call.method), ['append', 'status', 'datasync']);
  await log.close();
});

test('nothing is visible before it is synced', async () => {
  const disk = emptyDisk();
  const log = await createLog(disk);
  const held = closedGate();
  disk.fail({ method: 'datasync', path: '.jsonl', action: { kind: 'hold', until: held.promise } });
  const appending = log.append(drafts(1, 2), 0);
  await disk.settle();
  assert.equal(disk.bytesOf(ACTIVE).toString().split('\n').length, 4);
  assert.equal(log.position().seq, 0);
  assert.deepEqual(await collect(log.read({ fromSeq: 1 })), []);
  held.open();
  await appending;
  assert.equal(log.position().seq, 2);
  await log.close();
});

test('a second append during the first is a defect of the caller', async () => {
  const disk = emptyDisk();
  const log = await createLog(disk);
  const first = log.append(drafts(1, 1), 0);
  await assert.rejects(log.append(drafts(1, 1), 0), { name: 'InvariantError' });
  await first;
  await log.close();
});

test('closing lets the append in flight finish', async () => {
  const disk = emptyDisk();
  const log = await createLog(disk);
  const appending = log.append(drafts(1, 2), 0);
  const closing = log.close();
  assert.equal((await appending).length, 2);
  await closing;
  const again = await openLog(disk);
  assert.equal(again.replayed.length, 2);
  await again.log.close();
});

for (const [durability, syncs] of [['interval', 1], ['os', 0]] as const) {
  test(`under ${durability} the acknowledgement does not wait for a sync, and ${syncs} follow`, async () => {
    const disk = emptyDisk();
    const log = await createLog(disk, { ...OPTIONS, durability, syncIntervalMs: 5 });
    disk.calls.length = 0;
    await log.append(drafts(1, 1), 0);
    await log.append(drafts(2, 2), 1);
    const changes = disk.calls.map((call) => call.method).filter((method) => method === 'append' || method === 'datasync');
    assert.deepEqual(changes, ['append', 'append']);
    await delay(30);
    assert.equal(disk.calls.filter((call) => call.method === 'datasync' && call.path === ACTIVE).length, syncs);
    await log.append(drafts(3, 3), 2);
    await log.close();
    const lines = (await openLog(disk)).replayed;
    assert.deepEqual(lines.map((line) => line.durable), [0, 0, syncs === 1 ? 2 : 0]);
  });
}

test('closing syncs what interval durability left unsynced', async () => {
  const disk = emptyDisk();
  const log = await createLog(disk, { ...OPTIONS, durability: 'interval', syncIntervalMs: 60_000 });
  await log.append(drafts(1, 2), 0);
  await log.close();
  const after = disk.crash({ content: 'synced', size: 'synced', names: 'synced' });
  const { log: again, replayed } = await openLog(after);
  assert.equal(replayed.length, 2);
  await again.close();
});

test('a late sync of fewer lines does not undo what a newer one proved', async () => {
  const disk = emptyDisk();
  const log = await createLog(disk, { ...OPTIONS, durability: 'interval', syncIntervalMs: 1 });
  const held = closedGate();
  disk.fail({ method: 'datasync', path: ACTIVE, action: { kind: 'hold', until: held.promise } });
  await log.append(drafts(1, 1), 0);
  await delay(10);
  log.configure(OPTIONS);
  const appending = (async () => {
    for (let seq = 1; seq < 4; seq += 1) await log.append(drafts(seq + 1, seq + 1), seq);
  })();
  await disk.settle();
  held.open();
  await appending;
  await disk.settle();
  await log.append(drafts(5, 5), 4);
  await log.close();
  const again = await openLog(disk);
  assert.deepEqual(again.replayed.map((line) => line.seq), [1, 2, 3, 4, 5]);
  await again.log.close();
});

test('a sync for fewer lines queued behind one for more undoes nothing', async () => {
  const disk = emptyDisk();
  const log = await createLog(disk, { ...OPTIONS, durability: 'interval', syncIntervalMs: 10 });
  await log.append(drafts(1, 1), 0);
  log.configure(OPTIONS);
  const held = closedGate();
  disk.fail({ method: 'datasync', path: ACTIVE, action: { kind: 'hold', until: held.promise } });
  const appending = log.append(drafts(2, 2), 1);
  await delay(40);
  held.open();
  await appending;
  await disk.settle();
  await log.append(drafts(3, 3), 2);
  assert.deepEqual((await collect(log.read({ fromSeq: 1 }))).map((line) => line.durable), [0, 0, 2]);
  await log.close();
});

test('the active segment is sealed at its size, under the name of its first seq, and its seal tells that to readers', async () => {
  const disk = await diskWith([1, 1, 1, 1, 1], SMALL_SEGMENTS);
  const names = [...disk.contents().keys()].filter((name) => name.endsWith('.jsonl')).sort();
  const first = `${HOME}/${PROJECT}/00000000000000000001.jsonl`;
  assert.deepEqual(names, [ACTIVE, first, `${HOME}/${PROJECT}/00000000000000000003.jsonl`].sort());
  assert.match(
    linesOf(disk, first).at(-1) ?? '', /^\{"seal":"00000000000000000001\.jsonl","next_seq":3,"next":"p1\.jsonl","hash":"[0-9a-f]{64}"\}$/,
  );
});

test('a segment without a line is never sealed', async () => {
  const disk = emptyDisk();
  const log = await createLog(disk, { ...OPTIONS, segmentBytes: 1 });
  await appendBatches(log, [1, 2, 1]);
  await log.close();
  const names = [...disk.contents().keys()].filter((name) => name.startsWith(`${HOME}/${PROJECT}/0`));
  assert.deepEqual(names.map((name) => Number(name.slice(-26, -6))), [1, 2]);
});

test('the head follows within a second of activity', async () => {
  const disk = emptyDisk();
  const log = await createLog(disk);
  const seqs = (): string[] => [...disk.bytesOf(HEAD).toString().matchAll(/"seq":(\d+)/g)].map((match) => match[1] ?? '');
  assert.deepEqual(seqs(), ['0', '0']);
  await log.append(drafts(1, 3), 0);
  await delay(1100);
  assert.deepEqual(seqs().sort(), ['0', '3']);
  await log.append(drafts(4, 4), 3);
  await log.close();
  assert.deepEqual(seqs().sort(), ['3', '4']);
});

test('a slow sync is logged', async () => {
  const disk = emptyDisk();
  const clock = new ManualClock();
  const { logger, lines } = recordingLogger();
  const log = await createLog(disk, OPTIONS, { clock, logger });
  const held = closedGate();
  disk.fail({ method: 'datasync', path: ACTIVE, action: { kind: 'hold', until: held.promise } });
  const appending = log.append(drafts(1, 1), 0);
  await disk.settle();
  clock.advance(1001);
  held.open();
  await appending;
  await log.close();
  assert.ok(lines.some(({ level, msg }) => level === 'warn' && msg === 'a sync of the log was slow'));
});

test('a clock that goes back a long way is reported', async () => {
  const clock = new ManualClock();
  const { logger, lines } = recordingLogger();
  const log = await createLog(emptyDisk(), OPTIONS, { clock, logger });
  await log.append(drafts(1, 1), 0);
  clock.setWall(0);
  await log.append(drafts(2, 2), 1);
  await log.close();
  assert.ok(lines.some(({ level, msg }) => level === 'warn' && msg.startsWith('the clock went back')));
});

test('a line changed under a running log is detected when it is read', async () => {
  const disk = await diskWith([1, 1, 1]);
  const { log } = await openLog(disk);
  const bytes = disk.bytesOf(ACTIVE);
  const offset = bytes.indexOf('{"seq":2');
  bytes.write('9', bytes.indexOf('"value":{"n":2') + '"value":{"n":'.length);
  disk.put(ACTIVE, bytes);
  const seen: number[] = [];
  await assert.rejects(async () => {
    for await (const line of log.read({ fromSeq: 1 })) seen.push(line.seq);
  }, (error: unknown) => {
    assert.ok(error instanceof LogCorruptError);
    const { finding } = error;
    assert.deepEqual([finding.file, finding.offset, finding.seq], ['p1.jsonl', offset, 2]);
    return true;
  });
  assert.ok(seen.every((seq) => seq === 1));
  await log.close();
});

test('a sealed segment that was removed, cut or replaced under a running log is detected when it is read', async () => {
  const sealed = `${HOME}/${PROJECT}/00000000000000000003.jsonl`;
  const damages: readonly ((disk: Awaited<ReturnType<typeof diskWith>>) => void)[] = [
    (disk) => disk.tree.remove(sealed),
    (disk) => disk.put(sealed, disk.bytesOf(sealed).subarray(0, 400)),
    (disk) => disk.put(sealed, disk.bytesOf(sealed.replace('3.', '1.'))),
    (disk) => disk.put(sealed, ''),
  ];
  for (const [index, damage] of damages.entries()) {
    const disk = await diskWith([1, 1, 1, 1, 1], SMALL_SEGMENTS);
    const { log } = await openLog(disk, SMALL_SEGMENTS);
    damage(disk);
    const isNamed = (error: {
      name: string; message: string;
    }): boolean => error.name === 'LogCorruptError' && error.message.includes('00000000000000000003.jsonl');
    await assert.rejects(collect(log.read({ fromSeq: 1 })), isNamed, `damage ${index}`);
    await log.close();
    assert.deepEqual(disk.openPaths, []);
  }
});

test('logs of one home do not touch each other', async () => {
  const disk = emptyDisk();
  const home = homeOn(disk);
  const logs: Log[] = [];
  for (const project of ['a', 'b']) logs.push(await home.create(project, { ...OPTIONS, logId: LOG_ID }));
  const [a, b] = logs;
  assert.ok(a && b);
  await Promise.all([a.append([draft(1)], 0), b.append([draft(2)], 0)]);
  assert.equal((await collect(a.read({ fromSeq: 1 })))[0]?.request, 'r1');
  assert.equal((await collect(b.read({ fromSeq: 1 })))[0]?.request, 'r2');
  await Promise.all(logs.map((log) => log.close()));
});

test.run();
