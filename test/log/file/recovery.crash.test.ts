/** Recovery of a torn end and of a missing or damaged head: the damage, and the expected outcome. */
import assert from 'node:assert/strict';
import { suite } from '../../suite.js';
import {
  change, changeLines, closed, flip, foreign, killed, offsetOf, type Row, sealed, sectorIn, SECTOR, testRow, zero,
} from './damage-table.js';
import { ACTIVE, diskWith, drafts, goOn, HEAD, HOME, homeOn, openLog, OPTIONS, PROJECT } from './log-fixture.js';

const test = suite('recovery of a torn end');

const TORN: readonly Row[] = [
  { name: 'nothing', start: killed, damage: () => undefined, outcome: { lines: 6 } },
  {
    name: 'a last line without its line feed', start: killed, damage: (disk) => change(disk, ACTIVE, (b) => b.subarray(0, -1)),
    outcome: { lines: 6, warns: /line feed/ },
  },
  {
    name: 'a lost sector in the last line', start: killed, damage: (disk) => zero(disk, sectorIn(disk, 6), sectorIn(disk, 6) + SECTOR),
    outcome: { lines: 5, torn: true },
  },
  {
    name: 'a lost sector in the middle of the last batch', start: killed,
    damage: (disk) => zero(disk, sectorIn(disk, 5), sectorIn(disk, 5) + SECTOR), outcome: { lines: 4, torn: true },
  },
  {
    name: 'a lost sector that the last batch begins in', start: killed,
    damage: (disk) => zero(disk, offsetOf(disk, 4), sectorIn(disk, 4)), outcome: { lines: 3, torn: true },
  },
  {
    name: 'zeros to the end, as a lost write of a grown file leaves', start: killed,
    damage: (disk) => zero(disk, offsetOf(disk, 4), disk.bytesOf(ACTIVE).length), outcome: { lines: 3, torn: true },
  },
  {
    name: 'seven zeros at a line\'s start', start: killed,
    damage: (disk) => zero(
      disk, offsetOf(disk, 6), offsetOf(disk, 6) + 7,
    ), outcome: { refuses: 'p1.jsonl', seq: 6, says: /complete, so it was not torn/ },
  },
  {
    name: '511 zeros inside the last line', start: killed,
    damage: (disk) => zero(
      disk, sectorIn(disk, 6) + 1, sectorIn(disk, 6) + SECTOR,
    ), outcome: { refuses: 'p1.jsonl', seq: 6, says: /not torn/ },
  },
  {
    name: 'a lost sector in a batch that a later line proves', start: killed,
    damage: (disk) => zero(disk, offsetOf(disk, 3), offsetOf(disk, 3) + 200), outcome: { refuses: 'p1.jsonl', seq: 3, says: /./ },
  },
  {
    name: 'a lost sector that the head proves', start: closed,
    damage: (disk) => zero(
      disk, sectorIn(disk, 6), sectorIn(disk, 6) + SECTOR,
    ), outcome: { refuses: 'p1.jsonl', seq: 6, says: /the head proves that seq 6/ },
  },
  {
    name: 'a last line cut short that the head proves', start: closed,
    damage: (disk) => change(disk, ACTIVE, (b) => b.subarray(0, -100)), outcome: { refuses: 'p1.jsonl', seq: 6, says: /the head proves/ },
  },
  {
    name: 'lines that the head proves cut off', start: closed,
    damage: (disk) => change(
      disk, ACTIVE, (b) => b.subarray(0, b.indexOf('{"seq":5')),
    ), outcome: { refuses: 'p1.jsonl', says: /lines up to seq 6 as the head proves, found the end of the log after seq 4/ },
  },
  {
    name: 'all but the header cut off', start: closed, damage: (disk) => changeLines(disk, ACTIVE, (l) => l.slice(0, 1)),
    outcome: { refuses: 'p1.jsonl', says: /as the head proves/ },
  },
  {
    name: 'a complete last line with a wrong hash', start: killed, damage: (disk) => change(disk, ACTIVE, (b) => flip(b, b.length - 100)),
    outcome: { refuses: 'p1.jsonl', seq: 6, says: /expected hash/ },
  },
  {
    name: 'a complete line in the middle with a wrong hash', start: closed,
    damage: (disk) => change(disk, ACTIVE, (b) => flip(b, b.indexOf('"k2"') + 1)),
    outcome: { refuses: 'p1.jsonl', seq: 2, says: /expected hash/ },
  },
  {
    name: 'a torn tail larger than any batch', start: killed,
    damage: (disk) => change(disk, ACTIVE, (b) => Buffer.concat([b, Buffer.alloc(134_217_729)])),
    outcome: { refuses: 'p1.jsonl', seq: 7, says: /is more than one batch can contain/ },
  },
  {
    name: 'a line longer than any line, without an end', start: killed,
    damage: (disk) => change(disk, ACTIVE, (b) => Buffer.concat([b, Buffer.alloc(18_000_000, 'x')])), outcome: { lines: 6, torn: true },
  },
];

const HEADS: readonly Row[] = [
  { name: 'no head', start: closed, damage: (disk) => disk.tree.remove(HEAD), outcome: { lines: 6, warns: /head/ } },
  { name: 'no folder', start: closed, damage: (disk) => disk.tree.remove(`${HOME}/${PROJECT}`), outcome: { lines: 6, warns: /head/ } },
  { name: 'an empty head', start: closed, damage: (disk) => disk.put(HEAD, ''), outcome: { lines: 6, warns: /head/ } },
  {
    name: 'a head of one slot', start: closed, damage: (disk) => change(disk, HEAD, (b) => b.subarray(0, 4096)),
    outcome: { lines: 6, warns: /head/ },
  },
  {
    name: 'a damaged first slot', start: closed, damage: (disk) => change(disk, HEAD, (b) => flip(b, 20)),
    outcome: { lines: 6, warns: /head/ },
  },
  {
    name: 'a damaged second slot', start: closed, damage: (disk) => change(disk, HEAD, (b) => flip(b, 4096 + 20)),
    outcome: { lines: 6, warns: /head/ },
  },
  {
    name: 'one damaged slot, and lines that the other proves cut off', start: closed,
    damage: (disk) => {
      change(disk, HEAD, (b) => flip(b, b.indexOf('"seq":0') + 6));
      change(disk, ACTIVE, (b) => b.subarray(0, -1000));
    },
    outcome: { refuses: 'p1.jsonl', seq: 6, says: /the head proves/ },
  },
  {
    name: 'the head of another log', start: closed, damage: async (disk) => disk.put(HEAD, (await foreign()).bytesOf(HEAD)),
    outcome: { refuses: 'p1/head', says: /log_id/ },
  },
  {
    name: 'a head with another hash', start: closed, damage: async (disk) => disk.put(HEAD, (await closed()).bytesOf(HEAD)),
    outcome: { refuses: 'p1.jsonl', seq: 6, says: /as the head says/ },
  },
];

for (const row of [...TORN, ...HEADS]) testRow(test, row);

test('a log with another id than requested is refused', async () => {
  const disk = await closed();
  const opening = homeOn(disk).open(PROJECT, { ...OPTIONS, expectedLogId: 'e'.repeat(32), replay: () => undefined });
  await assert.rejects(opening, { name: 'LogCorruptError' });
});

test('an error thrown by a listener fails the opening, and leaves no descriptor', async () => {
  const disk = await sealed();
  const before = disk.contents();
  const opening = homeOn(disk).open(PROJECT, {
    ...OPTIONS,
    replay: (line) => {
      if (line.seq === 4) throw new Error('no more');
    },
  });
  await assert.rejects(opening, /no more/);
  assert.deepEqual(disk.openPaths, []);
  assert.deepEqual(disk.contents(), before);
});

test('a torn tail that is cut twice is copied twice', async () => {
  const disk = await diskWith([1]);
  for (let round = 0; round < 2; round += 1) {
    disk.put(ACTIVE, Buffer.concat([disk.bytesOf(ACTIVE), Buffer.from('torn')]));
    await (await openLog(disk)).log.close();
  }
  const kept = [...disk.contents().keys()].filter((name) => name.includes('torn-'));
  assert.equal(kept.length, 2);
});

test('a torn tail is cut only after its copy is durable', async () => {
  const disk = await diskWith([1]);
  disk.put(ACTIVE, Buffer.concat([disk.bytesOf(ACTIVE), Buffer.from('torn')]));
  disk.fail({ method: 'truncate', path: ACTIVE, action: { kind: 'kill', when: 'after' } });
  await assert.rejects(openLog(disk));
  const survivor = disk.crash({ content: 'synced', size: 'synced', names: 'synced' });
  const [kept] = [...survivor.contents()].filter(([name]) => name.includes('torn-'));
  assert.equal(kept?.[1].toString(), 'torn');
});

test('bytes that the head does not prove are rewritten and synced', async () => {
  const disk = await killed();
  // As after a failed sync: the page cache has bytes that the disk lacks, marked as written.
  const node = disk.tree.file(ACTIVE);
  const cached = Buffer.from(node.bytes);
  node.syncedBytes = Buffer.from(cached.subarray(0, offsetOf(disk, 1)));
  const { log } = await openLog(disk);
  assert.deepEqual(disk.tree.file(ACTIVE).syncedBytes, cached);
  const rewritten = disk.calls.filter((call) => call.method === 'overwrite' && call.path === ACTIVE);
  assert.ok(rewritten.length > 0);
  await log.close();
});

test('a tail is torn at each byte of the last batch', async () => {
  const disk = await diskWith([2]);
  const proven = disk.bytesOf(ACTIVE);
  const second = await openLog(disk);
  await second.log.append(drafts(3, 4), 2);
  const whole = disk.bytesOf(ACTIVE);
  const head = disk.bytesOf(HEAD);
  await second.log.close();
  const thirdEnds = whole.indexOf('\n', proven.length) + 1;
  for (let size = proven.length; size <= whole.length; size += 1) {
    const torn = disk.crash();
    torn.put(HEAD, head);
    torn.put(ACTIVE, whole.subarray(0, size));
    const { log, replayed } = await openLog(torn);
    const expected = size >= whole.length - 1 ? 4 : size >= thirdEnds - 1 ? 3 : 2;
    assert.equal(replayed.length, expected, `${size} of ${whole.length} bytes`);
    if (size % 16 === 0) await goOn(torn, log);
    else await log.close();
  }
});

test('a start whose rewriting of the unproven end is cut short fails, and the next one finds every line', async () => {
  const disk = await killed();
  disk.fail({ method: 'overwrite', path: ACTIVE, action: { kind: 'short', bytes: 5 } });
  await assert.rejects(openLog(disk), { name: 'ShortWriteError' });
  assert.deepEqual(disk.openPaths, []);
  const { log, replayed } = await openLog(disk);
  assert.equal(replayed.length, 6);
  await goOn(disk, log);
});

test.run();
