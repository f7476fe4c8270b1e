/** Places in segments stay valid whichever form the segment has, and whatever happens to it meanwhile. */
import assert from 'node:assert/strict';
import { setTimeout as delay } from 'node:timers/promises';
import { FILE_IDLE_MS, IdleFiles } from '../../../../src/disk/idle-files.js';
import { type ListedSegment, LogPaths } from '../../../../src/log/file/log-paths.js';
import { PlaceReader } from '../../../../src/log/file/reading/place-reader.js';
import type { Log, LogLine } from '../../../../src/log/log.js';
import type { FaultDisk } from '../../../disk/fault-disk.js';
import { suite } from '../../../suite.js';
import { PACKED_1 } from '../compressed-log.js';
import { change, flip } from '../damage-table.js';
import {
  appendBatches, closedGate, collect, createLog, drafts, emptyDisk, HOME, openLog, PROJECT, SMALL_SEGMENTS,
} from '../log-fixture.js';

const test = suite('places in segments');
const FOLDER = `${HOME}/${PROJECT}`;
const INFLATED_1 = /\/inflated-00000000000000000001-\d+$/;
const LEFT_BEHIND = `${FOLDER}/inflated-00000000000000000001-7`;

interface PlacedLog {
  readonly disk: FaultDisk;
  readonly log: Log;
  readonly lines: readonly LogLine[];
}

/** Five lines, two per sealed segment; their places are from before any compression. */
async function placedLog(): Promise<PlacedLog> {
  const disk = emptyDisk();
  const log = await createLog(disk, SMALL_SEGMENTS);
  await appendBatches(log, [1, 1, 1, 1, 1]);
  return { disk, log, lines: await collect(log.read({ fromSeq: 1 })) };
}

async function bodies({ log, lines }: Pick<PlacedLog, 'log' | 'lines'>): Promise<readonly string[]> {
  return await Promise.all(lines.map(async ({ place }) => {
    assert.ok(place);
    return (await log.readText(place)).toString();
  }));
}

const EXPECTED = drafts(1, 5).map(({ body }) => body);

test('a place is read before and after its segment is compressed, by the log that compressed it and by the next one', async () => {
  const placed = await placedLog();
  assert.deepEqual(await bodies(placed), EXPECTED);
  for (const { firstSeq } of placed.log.sealed?.list() ?? []) await placed.log.sealed?.compress(firstSeq);
  assert.deepEqual(await bodies(placed), EXPECTED);
  await placed.log.close();
  assert.deepEqual(placed.disk.openPaths, []);
  const next = placed.disk.crash();
  const { log } = await openLog(next, SMALL_SEGMENTS);
  assert.deepEqual(await bodies({ log, lines: placed.lines }), EXPECTED);
  assert.deepEqual((await next.list(FOLDER)).filter((name) => name.startsWith('inflated-')), [], 'no inflated file has a name');
  await log.close();
  assert.deepEqual(next.openPaths, []);
});

test('a compressed segment is inflated once, however many places in it are read', async () => {
  const placed = await placedLog();
  await placed.log.sealed?.compress(1);
  const start = placed.disk.calls.length;
  for (let round = 0; round < 4; round += 1) assert.deepEqual(await bodies(placed), EXPECTED);
  const made = placed.disk.calls.slice(start).filter(({ method, path }) => method === 'append' && INFLATED_1.test(path));
  assert.equal(made.length, 1);
  await placed.log.close();
});

test('the text of a compressed segment is kept for longer than an idle descriptor', async () => {
  const placed = await placedLog();
  await placed.log.sealed?.compress(1);
  const start = placed.disk.calls.length;
  for (let round = 0; round < 2; round += 1) {
    assert.deepEqual(await bodies(placed), EXPECTED);
    if (round === 0) await delay(FILE_IDLE_MS + 500);
  }
  const made = placed.disk.calls.slice(start).filter(({ method, path }) => method === 'append' && INFLATED_1.test(path));
  assert.equal(made.length, 1);
  await placed.log.close();
  assert.deepEqual(placed.disk.openPaths, []);
});

function failInflated(disk: FaultDisk, method: 'append' | 'open', code: string): void {
  disk.fail({ method, path: INFLATED_1, times: Infinity, action: { kind: 'errno', code } });
}

/** Why the text cannot be inflated into a file. */
const NO_COPY: Readonly<Record<string, (disk: FaultDisk) => void>> = {
  'only the reserve for deletes is left': (disk) => {
    disk.totalBytes = 100_000;
    disk.roomBytes = 5000;
  },
  'the disk is full': (disk) => failInflated(disk, 'append', 'ENOSPC'),
  'no file can be created in its folder': (disk) => failInflated(disk, 'open', 'EROFS'),
};
for (const [name, fail] of Object.entries(NO_COPY)) {
  test(`a place in a compressed segment is read although ${name}`, async () => {
    const placed = await placedLog();
    await placed.log.sealed?.compress(1);
    fail(placed.disk);
    for (let round = 0; round < 2; round += 1) assert.deepEqual(await bodies(placed), EXPECTED);
    await placed.log.close();
    assert.deepEqual(placed.disk.openPaths, []);
  });
}

test('the text before the damage of a compressed segment is read, and the text after it is refused', async () => {
  const placed = await placedLog();
  await placed.log.sealed?.compress(1);
  change(placed.disk, PACKED_1, (bytes) => flip(bytes, bytes.length - 2));
  assert.equal((await bodies({ log: placed.log, lines: placed.lines.slice(0, 1) }))[0], EXPECTED[0]);
  placed.disk.put(PACKED_1, placed.disk.bytesOf(PACKED_1).subarray(0, 60));
  await assert.rejects(bodies({ log: placed.log, lines: placed.lines.slice(1, 2) }), { name: 'LogCorruptError' });
  assert.deepEqual(await bodies({ log: placed.log, lines: placed.lines.slice(2) }), EXPECTED.slice(2), 'other places are read');
  await placed.log.close();
});

test('a place is read while its segment is being compressed, at every step of it', async () => {
  const steps = [['rename', /compressing$/], ['unlink', /0001\.jsonl$/], ['syncFolder', new RegExp(`${PROJECT}$`)]] as const;
  for (const [method, path] of steps) {
    const placed = await placedLog();
    const gate = closedGate();
    placed.disk.fail({ method, path, action: { kind: 'hold', until: gate.promise } });
    const compressing = placed.log.sealed?.compress(1);
    await placed.disk.settle();
    assert.deepEqual(await bodies(placed), EXPECTED, method);
    gate.open();
    await compressing;
    assert.deepEqual(await bodies(placed), EXPECTED, method);
    await placed.log.close();
  }
});

test('a segment that is compressed between looking up its form and opening it is still read', async () => {
  const { disk, log, lines } = await placedLog();
  await log.sealed?.compress(1);
  let asked = 0;
  const segments = (): readonly ListedSegment[] => {
    asked += 1;
    return [{ firstSeq: 1, isCompressed: asked > 2 }];
  };
  const places = new PlaceReader(disk, new LogPaths(HOME, PROJECT), new IdleFiles(), { logId: log.logId, segments });
  const place = lines[0]?.place;
  assert.ok(place);
  const into = Buffer.alloc(place.sizeBytes);
  assert.equal(await places.read(1, into, place.offset, false), place.sizeBytes);
  assert.equal(into.toString(), EXPECTED[0]);
  await places.close();
  await log.close();
});

test('an inflated text left by a crash is removed by the next startup', async () => {
  const { disk, log } = await placedLog();
  await log.close();
  disk.put(LEFT_BEHIND, 'half');
  const next = await openLog(disk, SMALL_SEGMENTS);
  assert.equal(disk.tree.find(LEFT_BEHIND), undefined);
  await next.log.close();
});

test.run();
