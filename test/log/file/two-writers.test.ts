/** Two writers of one log, as after the lock was removed by hand: they never both acknowledge a seq, and no acknowledged line is lost. */
import assert from 'node:assert/strict';
import { NodeDisk } from '../../../src/disk/node-disk.js';
import type { Disk } from '../../../src/disk/disk.js';
import type { Log, LogOptions } from '../../../src/log/log.js';
import { ManualClock } from '../../base/manual-clock.js';
import type { FaultDisk } from '../../disk/fault-disk.js';
import { jitteryView } from '../../disk/jittery-disk.js';
import { withFolder } from '../../disk/temporary-folder.js';
import { randomFrom } from '../../e2e/kill-loop.js';
import { suite } from '../../suite.js';
import {
  ACTIVE, collect, createLog, draft, drafts, emptyDisk, HOME, openLog, OPTIONS, PROJECT, SMALL_SEGMENTS,
} from './log-fixture.js';

const test = suite('two writers of one log');

/** Rounds of each kind of interleaving. */
const ROUNDS = 50;
const WRITES_EACH = 6;

interface Receipt {
  readonly seq: number;
  readonly hash: string;
}

/** Appends until the log refuses; returns what was acknowledged. Only refusals that a caller can act on count. */
async function writeOn(log: Log, who: number): Promise<Receipt[]> {
  const receipts: Receipt[] = [];
  for (let write = 0; write < WRITES_EACH; write += 1) {
    try {
      receipts.push(...await log.append([draft(who * 100 + write)], log.position().seq));
    } catch (error) {
      assert.match(String((error as { code?: string }).code), /^(log_failed|outcome_unknown|disk_full|disk_failed)$/);
    }
  }
  return receipts;
}

function assertOneTruth(receipts: readonly Receipt[], text: string, label: string): void {
  const seqs = receipts.map(({ seq }) => seq);
  assert.equal(new Set(seqs).size, seqs.length, `${label}: one seq was acknowledged twice`);
  for (const { seq, hash } of receipts) assert.ok(text.includes(`"hash":"${hash}"}\n`), `${label}: the line of seq ${seq} is gone`);
}

function textOf(disk: FaultDisk): string {
  return [...disk.contents()].filter(([name]) => name.endsWith('.jsonl')).map(([, bytes]) => bytes.toString()).join('');
}

/** What else happens to the disk. */
interface Scene {
  readonly options: LogOptions;
  readonly spoil?: (disk: FaultDisk, random: () => number) => void;
}

const SCENES: Readonly<Record<string, Scene>> = {
  'in one segment': { options: OPTIONS },
  'that rotate': { options: SMALL_SEGMENTS },
  'that rotate, under interval': { options: { ...SMALL_SEGMENTS, durability: 'interval', syncIntervalMs: 1 } },
  'on a disk that fills up': {
    options: OPTIONS,
    spoil: (disk, random) => {
      for (let fault = 0; fault < 3; fault += 1) {
        const bytes = Math.floor(random() * 200);
        const action = random() < 0.5 ? { kind: 'short', bytes } as const : { kind: 'torn', bytes, code: 'ENOSPC' } as const;
        disk.fail({ method: 'append', path: ACTIVE, nth: 1 + Math.floor(random() * 5), action });
      }
    },
  },
};
for (const [name, { options, spoil }] of Object.entries(SCENES)) {
  test(`two writers ${name} never acknowledge one seq twice, and every receipt is in the file`, async () => {
    let acknowledged = 0;
    for (let seed = 1; seed <= ROUNDS; seed += 1) {
      const random = randomFrom(seed);
      const disk = emptyDisk();
      await (await createLog(disk, options)).close();
      const writers = [
        (await openLog(jitteryView(disk, random), options)).log, (await openLog(jitteryView(disk, random), options)).log,
      ];
      spoil?.(disk, random);
      const receipts = (await Promise.all(writers.map((log, who) => writeOn(log, who + 1)))).flat();
      acknowledged += receipts.length;
      assertOneTruth(receipts, textOf(disk), `seed ${seed}`);
      for (const log of writers) await log.close().catch(() => undefined);
      assertOneTruth(receipts, textOf(disk), `seed ${seed}, closed`);
    }
    assert.ok(acknowledged > 0, 'somewhere a write went through');
  });
}

test('two writers on the real disk never acknowledge one seq twice, and every receipt is in the file', () => withFolder(async (folder) => {
  const disk = new NodeDisk();
  for (let round = 0; round < 20; round += 1) {
    const place = `${folder}/${round}`;
    await disk.makeFolder(place);
    await (await createLog(disk, OPTIONS, { folder: place })).close();
    const writers = [(await openLog(disk, OPTIONS, { folder: place })).log, (await openLog(disk, OPTIONS, { folder: place })).log];
    const receipts = (await Promise.all(writers.map((log, who) => writeOn(log, who + 1)))).flat();
    for (const log of writers) await log.close();
    assertOneTruth(receipts, await readWhole(disk, `${place}/${PROJECT}.jsonl`), `round ${round}`);
  }
}));

async function readWhole(disk: Disk, path: string): Promise<string> {
  const file = await disk.open(path, 'read');
  const bytes = Buffer.alloc((await file.status()).sizeBytes);
  await file.read(bytes, 0);
  await file.close();
  return bytes.toString();
}

test('a writer checks before it writes after a pause: the file of another writer stays intact, which continues', async () => {
  const disk = emptyDisk();
  await (await createLog(disk)).close();
  const clock = new ManualClock();
  const { log: paused } = await openLog(disk, OPTIONS, { clock });
  const { log: busy } = await openLog(disk);
  await busy.append(drafts(1, 3), 0);
  clock.advance(1001);
  await assert.rejects(paused.append(drafts(1, 1), 0), { code: 'log_failed' });
  assert.equal(paused.state(), 'failed');
  await busy.append(drafts(4, 4), 3);
  await Promise.all([busy.close(), paused.close()]);
  const again = await openLog(disk);
  assert.equal(again.replayed.length, 4, 'nothing in the file is damaged');
  await again.log.close();
});

const CHANGES: Readonly<Record<string, (disk: FaultDisk) => void>> = {
  'a byte is added': (disk) => disk.put(ACTIVE, Buffer.concat([disk.bytesOf(ACTIVE), Buffer.from('x')])),
  'it is cut': (disk) => disk.put(ACTIVE, disk.bytesOf(ACTIVE).subarray(0, 300)),
  'it is moved': (disk) => disk.tree.rename(ACTIVE, `${HOME}/elsewhere`),
  'it is removed': (disk) => disk.tree.remove(ACTIVE),
  'a copy takes its place': (disk) => {
    const bytes = disk.bytesOf(ACTIVE);
    disk.tree.remove(ACTIVE);
    disk.put(ACTIVE, bytes);
  },
};
for (const durability of ['fsync', 'interval', 'os'] as const) {
  for (const [name, change] of Object.entries(CHANGES)) {
    test(`under ${durability}, a batch is not acknowledged when ${name} while it is written`, async () => {
      const disk = emptyDisk();
      const log = await createLog(disk, { ...OPTIONS, durability, syncIntervalMs: 60_000 });
      await log.append(drafts(1, 2), 0);
      let wake: () => void = () => undefined;
      disk.fail({ method: 'append', path: ACTIVE, action: { kind: 'hold', until: new Promise((resolve) => (wake = resolve)) } });
      const appending = assert.rejects(log.append(drafts(3, 3), 2), { code: 'outcome_unknown' });
      await disk.settle();
      change(disk);
      wake();
      await appending;
      assert.equal(log.state(), 'failed');
      await assert.rejects(log.append(drafts(3, 3), 2), { code: 'log_failed' });
      assert.equal(log.position().seq, 2);
      await log.close();
    });
  }
}

test('bytes that another writer added after a write that failed for lack of space are not cut off', async () => {
  const disk = emptyDisk();
  const log = await createLog(disk);
  await log.append(drafts(1, 1), 0);
  let wake: () => void = () => undefined;
  const until = new Promise<void>((resolve) => (wake = resolve));
  disk.fail({ method: 'append', path: ACTIVE, action: { kind: 'short', bytes: 40 } });
  disk.fail({ method: 'fileStatus', path: ACTIVE, action: { kind: 'hold', until, queued: true } });
  const appending = assert.rejects(log.append(drafts(2, 2), 1), { code: 'outcome_unknown' });
  await disk.settle();
  const other = Buffer.from('what another writer had acknowledged\n');
  disk.put(ACTIVE, Buffer.concat([disk.bytesOf(ACTIVE), other]));
  wake();
  await appending;
  assert.ok(disk.bytesOf(ACTIVE).includes(other));
  assert.equal((await collect(log.read({ fromSeq: 1 }))).length, 1);
  await log.close();
});

test('a tail that has grown since it was read is not cut: another program is writing to it', async () => {
  const disk = emptyDisk();
  const log = await createLog(disk);
  await log.append(drafts(1, 1), 0);
  await log.close();
  const whole = disk.bytesOf(ACTIVE);
  disk.put(ACTIVE, Buffer.concat([whole, Buffer.from('{"seq":2,"time"')]));
  disk.fail({ method: 'open', path: /torn-2-/, action: { kind: 'hold', until: disk.settle() } });
  const opening = assert.rejects(openLog(disk), { name: 'ForeignChangeError' });
  while (!disk.calls.some(({ path }) => path.includes('torn-2-'))) await Promise.resolve();
  const grown = Buffer.concat([whole, Buffer.from('{"seq":2,"time":"and so on')]);
  disk.put(ACTIVE, grown);
  await opening;
  assert.deepEqual(disk.bytesOf(ACTIVE), grown);
});

test.run();
