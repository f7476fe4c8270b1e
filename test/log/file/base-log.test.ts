/** Logs that continue from a snapshot: creating and opening them, refusal without it, and the remains of an interrupted creation. */
import assert from 'node:assert/strict';
import { encodeHeaderLine } from '../../../src/log/segment-format.js';
import { LogCorruptError } from '../../../src/log/log-errors.js';
import { memoryHome } from '../../../src/log/memory-home.js';
import type { OpenOptions } from '../../../src/log/log-home.js';
import type { Log, LogBase, LogLine } from '../../../src/log/log.js';
import { CHANGING_METHODS, type FaultDisk } from '../../disk/fault-disk.js';
import { suite } from '../../suite.js';
import { LOSSES } from './crash-scenario.js';
import { changeLines, SEALED_1 } from './damage-table.js';
import {
  ACTIVE, appendBatches, collect, createLog, drafts, emptyDisk, HOME, homeOn, linesOf, LOG_ID, OPTIONS, PROJECT, SMALL_SEGMENTS,
} from './log-fixture.js';

const test = suite('a log with a base');
const BASE: LogBase & { readonly timeMs: number } = { seq: 41, hash: 'a'.repeat(64), digest: 'd'.repeat(64), timeMs: 1000 };
const SNAPSHOT = `${HOME}/${PROJECT}/snap-00000000000000000041`;

/** A disk with the snapshot that the log continues from. */
function diskWithSnapshot(): FaultDisk {
  const disk = emptyDisk();
  disk.tree.makeFolder(`${HOME}/${PROJECT}`);
  for (const ending of ['json', 'index', 'manifest']) disk.put(`${SNAPSHOT}.${ending}`, ending);
  return disk;
}

async function createOn(disk: FaultDisk, base = BASE, options = SMALL_SEGMENTS): Promise<Log> {
  const { seq, hash, digest } = base;
  const given = { seq, hash, ...(digest === undefined ? {} : { digest }) };
  return await homeOn(disk).create(PROJECT, { ...options, logId: LOG_ID, base: given });
}

async function openOn(disk: FaultDisk, options: Partial<OpenOptions>): Promise<{ readonly log: Log; readonly replayed: LogLine[] }> {
  const replayed: LogLine[] = [];
  const log = await homeOn(disk).open(PROJECT, { ...SMALL_SEGMENTS, replay: (line) => void replayed.push(line), ...options });
  assert.ok(log);
  return { log, replayed };
}

test('it begins one above its base, is chained to it, and reports it when reopened', async () => {
  const disk = diskWithSnapshot();
  const log = await createOn(disk);
  const { timeMs: _, ...base } = BASE;
  assert.deepEqual(log.base, base);
  assert.deepEqual(log.position(), { seq: 41, hash: BASE.hash });
  assert.deepEqual(await collect(log.read({ fromSeq: 1 })), []);
  const [first] = await log.append(drafts(1, 1), 41);
  assert.equal(first?.seq, 42);
  await appendBatches(log, [1, 1, 1]);
  const lines = await collect(log.read({ fromSeq: 1 }));
  await log.close();
  assert.equal(linesOf(disk, SEALED_1.replace('01.jsonl', '42.jsonl')).length, 4);
  assert.equal(Object.keys(JSON.parse(linesOf(disk, SEALED_1.replace('01.jsonl', '42.jsonl'))[0] ?? '') as object).at(-2), 'base');
  assert.ok(linesOf(disk).every((line) => !line.includes('"base"')), 'only in the first segment');
  assert.ok((await homeOn(disk).namesOf(PROJECT)).includes('p1/snap-00000000000000000041.manifest'));
  const { log: again, replayed } = await openOn(disk, { known: BASE });
  assert.deepEqual(replayed, lines);
  assert.deepEqual(again.base, base);
  await again.append(drafts(5, 5), 45);
  await again.close();
  const later = lines[2];
  assert.ok(later);
  const known = await openOn(disk, { known: later });
  assert.deepEqual(known.replayed.map(({ seq }) => seq), [45, 46]);
  await known.log.close();
  assert.deepEqual(disk.openPaths, []);
});

test('without the snapshot it continues from it is refused, and so with another one', async () => {
  const disk = diskWithSnapshot();
  await appendBatches(await createOn(disk), [1, 1, 1]);
  const start = disk.crash();
  const cases: readonly (readonly [Partial<OpenOptions>, RegExp])[] = [
    [{}, /a snapshot covering everything before seq 42, found no usable one/],
    [{ firstKeptSeq: 42 }, /a snapshot covering everything before/],
    [{ known: { ...BASE, seq: 40 } }, /a segment that holds seq 41/],
    [{ known: { ...BASE, hash: 'b'.repeat(64) } }, /as the snapshot says/],
    [{ known: BASE, firstKeptSeq: 41 }, /a segment that holds seq 41/],
    [{ known: { ...BASE, seq: 60 } }, /lines up to seq 60 as the snapshot says/],
  ];
  for (const [options, says] of cases) {
    const before = start.contents();
    await assert.rejects(openOn(start, options), (error) => error instanceof LogCorruptError && says.test(error.message), String(says));
    assert.deepEqual(start.contents(), before);
  }
});

test('only the first segment of a log that does not begin with seq 1 may have a base', async () => {
  const header = (firstSeq: number, previousHash: string): string => encodeHeaderLine(
    { format: 1, project: PROJECT, logId: LOG_ID, firstSeq, previousHash, base: BASE.digest },
  ).trimEnd();
  const disk = emptyDisk();
  const log = await createLog(disk, SMALL_SEGMENTS);
  await appendBatches(log, [1, 1, 1]);
  const hash = (await collect(log.read({ fromSeq: 2, toSeq: 2 })))[0]?.hash ?? '';
  await log.close();
  const second = disk.crash();
  changeLines(second, ACTIVE, ([, ...lines]) => [header(3, hash), ...lines]);
  await assert.rejects(openOn(second, {}), /a header without a base/);
  const first = disk.crash();
  changeLines(first, SEALED_1, ([old = '', ...lines]) => [header(1, /"prev":"(\w+)"/.exec(old)?.[1] ?? ''), ...lines]);
  await assert.rejects(openOn(first, {}), /a header without a base/);
});

test('a log in files continues from a snapshot or not at all', async () => {
  const { digest: _, ...undigested } = BASE;
  await assert.rejects(createOn(emptyDisk(), undigested), { name: 'InvariantError' });
  await assert.rejects(createOn(emptyDisk(), { ...BASE, seq: 0 }), { name: 'InvariantError' });
  await assert.rejects(createOn(emptyDisk(), { ...BASE, hash: 'short' }), { name: 'InvariantError' });
});

test('a log in memory continues from a base too, and its first line is chained to it', async () => {
  const log = await memoryHome().create(PROJECT, { ...OPTIONS, logId: LOG_ID, base: BASE });
  assert.deepEqual(log.position(), { seq: 41, hash: BASE.hash });
  assert.equal(log.base, BASE);
  await log.append(drafts(1, 2), 41);
  assert.deepEqual((await collect(log.read({ fromSeq: 1 }))).map(({ seq }) => seq), [42, 43]);
  await log.close();
});

test('a creation killed at any call leaves a complete log or a free name, and the snapshot', async () => {
  const start = diskWithSnapshot();
  const whole = start.crash();
  await (await createOn(whole)).close();
  for (const { number, method } of whole.calls.filter((call) => CHANGING_METHODS.includes(call.method))) {
    for (const when of ['before', 'after'] as const) {
      const disk = start.crash();
      disk.fail({ number, action: { kind: 'kill', when } });
      const isAnswered = await createOn(disk).then(() => true, () => false);
      for (const [name, loss] of Object.entries(LOSSES)) {
        const label = `${number} ${method} ${when} ${name}`;
        const next = disk.crash(loss);
        const home = homeOn(next);
        assert.equal(next.bytesOf(`${SNAPSHOT}.manifest`).toString(), 'manifest', label);
        if ((await home.namesOf(PROJECT)).length > 0) {
          const { log, replayed } = await openOn(next, { known: BASE });
          assert.deepEqual(replayed, [], label);
          await log.append(drafts(1, 1), 41);
          await log.close();
        } else {
          assert.equal(isAnswered, false, label);
          assert.equal(await home.open(PROJECT, { ...OPTIONS, replay: () => undefined }), undefined, label);
          await (await createOn(next)).close();
        }
      }
    }
  }
});

test('the snapshot of an interrupted creation is not the base of a log without one', async () => {
  const disk = diskWithSnapshot();
  await (await createLog(disk)).close();
  assert.equal(disk.tree.find(`${SNAPSHOT}.manifest`), undefined);
  const taken = diskWithSnapshot();
  taken.put(`${HOME}/${PROJECT}/other`, 'x');
  await assert.rejects(createLog(taken), { code: 'project_files_exist' });
  assert.ok(taken.tree.find(`${SNAPSHOT}.manifest`));
});

test('if its first line is of a later format, the header that replaces the first one names the base as well', async () => {
  const disk = diskWithSnapshot();
  const log = await createOn(disk);
  await log.append(drafts(1, 1).map((draft) => ({ ...draft, format: 2 })), BASE.seq);
  const [header = ''] = linesOf(disk);
  const { format, base } = JSON.parse(header) as { readonly format: string; readonly base?: string };
  assert.deepEqual([format, base], ['simplekv/2', BASE.digest]);
  await log.append(drafts(2, 2), BASE.seq + 1);
  await log.close();
  const { log: again } = await openOn(disk, { known: BASE });
  assert.deepEqual(again.base, { seq: BASE.seq, hash: BASE.hash, digest: BASE.digest });
  await again.close();
});

test.run();
