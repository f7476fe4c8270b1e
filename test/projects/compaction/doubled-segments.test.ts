/** Segments that lie there plain and compressed: which form is read, and that none goes before the other was found sound. */
import assert from 'node:assert/strict';
import { gunzipSync } from 'node:zlib';
import { genesisHash } from '../../../src/log/line-format.js';
import type { LogLine } from '../../../src/log/log.js';
import { DamagedLog } from '../../../src/offline/repair/damaged-log.js';
import { verifyFolder } from '../../../src/offline/verify/verify-folder.js';
import { FileLeases } from '../../../src/projects/compaction/file-leases.js';
import { applyRetention } from '../../../src/projects/compaction/retention.js';
import { FaultDisk } from '../../disk/fault-disk.js';
import { suite } from '../../suite.js';
import {
  type CompactedProject, DATA, everythingOf, namesIn, openCompacted, PROJECT, SMALL_SEGMENTS, spoil,
} from '../compacted-project.js';
import { collect } from '../../log/file/log-fixture.js';
import { collectingLogger, CONTEXT } from '../lives-fixture.js';

const test = suite('doubled-segments');

const PLAIN = `${DATA}/${PROJECT}/00000000000000000001.jsonl`;
const PACKED = `${PLAIN}.gz`;
const SCRATCH = '/scratch';
const SEAL_BYTES_FROM_END = 30;

type Harm = (disk: FaultDisk) => void;

/** What may be wrong where a segment lies there twice, by what a person would call it; the form that is sound stays. */
const HARMS: Readonly<Record<string, readonly [harm: Harm, stays: readonly string[]]>> = {
  'both forms sound': [() => undefined, [PLAIN]],
  'one bit of the plain form changed': [(disk) => spoil(disk, PLAIN), [PACKED]],
  'the plain form cut in the middle': [(disk) => cut(disk, PLAIN, (size) => size >> 1), [PACKED]],
  'the plain form cut behind a line': [(disk) => cut(disk, PLAIN, (_, bytes) => bytes.lastIndexOf('\n', -2) + 1), [PACKED]],
  'the plain form cut by its last line feed': [(disk) => cut(disk, PLAIN, (size) => size - 1), [PACKED]],
  'the plain form empty': [(disk) => disk.put(PLAIN, ''), [PACKED]],
  'the header of the plain form changed': [(disk) => spoilAt(disk, PLAIN, () => 20), [PACKED]],
  'the seal of the plain form changed': [(disk) => spoilAt(disk, PLAIN, (size) => size - SEAL_BYTES_FROM_END), [PACKED]],
  'one bit of the compressed form changed': [(disk) => spoil(disk, PACKED), [PLAIN]],
  'the compressed form empty': [(disk) => disk.put(PACKED, ''), [PLAIN]],
};

function cut(disk: FaultDisk, place: string, at: (sizeBytes: number, bytes: Buffer) => number): void {
  const bytes = disk.bytesOf(place);
  disk.put(place, bytes.subarray(0, at(bytes.length, bytes)));
}

function spoilAt(disk: FaultDisk, place: string, at: (sizeBytes: number) => number): void {
  const bytes = disk.bytesOf(place);
  const offset = at(bytes.length);
  bytes.writeUInt8(bytes.readUInt8(offset) ^ 1, offset);
  disk.put(place, bytes);
}

/** A start finds out from the entry, not from the log, whether values are read into memory. */
async function open(disk: FaultDisk, isCaching: boolean): Promise<CompactedProject> {
  const storage = { ...SMALL_SEGMENTS, cache_in_memory: isCaching, retention: { compress: 'gzip' } } as const;
  return await openCompacted({ disk, storage });
}

/** A project that is stopped, with one segment in both forms, as `gunzip -k` leaves it; the segment's text, and what was in it. */
async function doubled(
  isCaching: boolean,
): Promise<{ readonly project: CompactedProject; readonly text: Buffer; readonly wanted: string }> {
  const project = await open(new FaultDisk(), isCaching);
  await project.fill(1, 9);
  await project.compact();
  await project.fill(10, 12);
  const wanted = await everythingOf(project.store);
  await project.close();
  const text = gunzipSync(project.disk.bytesOf(PACKED));
  project.disk.put(PLAIN, text);
  return { project, text, wanted };
}

async function formsOf(disk: FaultDisk): Promise<readonly string[]> {
  return (await namesIn(disk)).filter((name) => PACKED.includes(`/${name}`)).map((name) => `${DATA}/${PROJECT}/${name}`);
}

function textOf(disk: FaultDisk, place: string): Buffer {
  const bytes = disk.bytesOf(place);
  return place.endsWith('.gz') ? gunzipSync(bytes) : bytes;
}

function dropSnapshots(disk: FaultDisk): void {
  for (const name of disk.contents().keys()) if (/\/snap-\d+\./.test(name)) disk.tree.remove(name);
}

for (const isCovered of [true, false]) {
  for (const isCaching of [true, false]) {
    const where = `${isCovered ? 'covered by a snapshot' : 'replayed'}, values ${isCaching ? 'in memory' : 'on disk'}`;
    for (const [what, [harm]] of Object.entries(HARMS)) {
      test(`a start keeps both forms and has everything: ${what}, ${where}`, async () => {
        const { project: { disk }, wanted } = await doubled(isCaching);
        if (!isCovered) dropSnapshots(disk);
        harm(disk);
        const before = [disk.bytesOf(PLAIN), disk.bytesOf(PACKED)];
        const again = await open(disk, isCaching);
        assert.equal(await everythingOf(again.store), wanted);
        assert.deepEqual([disk.bytesOf(PLAIN), disk.bytesOf(PACKED)], before);
        assert.deepEqual(again.logged.filter(({ level }) => level === 'error'), []);
        await again.close();
      });
    }
  }
}

/** What a compaction does to sealed segments where the project keeps all of them plain. */
async function retain({ log, registry, clock, tasks, damage, logged }: CompactedProject): Promise<void> {
  const settings = { max_age_seconds: null, max_bytes: null, compress: 'none' } as const;
  const parts = { log, registry, clock, tasks, damage, dataFolder: DATA, settings, heldBack: new Set<number>() };
  const { signal } = new AbortController();
  const coverage = { newestSeq: 1000, fallbackSeq: 0, proveFallback: async () => await Promise.resolve(0) };
  await applyRetention({ ...parts, leases: new FileLeases(), context: CONTEXT, logger: collectingLogger(logged), signal }, coverage);
}

for (const [what, [harm, stays]] of Object.entries(HARMS)) {
  test(`one form goes once the other was found sound: ${what}`, async () => {
    const { project: { disk }, text, wanted } = await doubled(true);
    harm(disk);
    const again = await openCompacted({ disk });
    await retain(again);
    assert.deepEqual(await formsOf(disk), stays);
    assert.ok(textOf(disk, stays[0] ?? '').equals(text));
    assert.deepEqual([again.log.sealed?.list()[0]?.isDoubled, again.damage.projectCount], [undefined, 0]);
    assert.equal(await everythingOf((await again.reopen()).store), wanted);
  });

  test(`a compaction that compresses leaves the compressed form alone, with the text that was written: ${what}`, async () => {
    const { project: { disk }, text } = await doubled(false);
    harm(disk);
    const again = await open(disk, false);
    await again.compact();
    assert.deepEqual(await formsOf(disk), [PACKED]);
    assert.ok(textOf(disk, PACKED).equals(text));
    const wanted = await everythingOf(again.store);
    assert.equal(await everythingOf((await again.reopen()).store), wanted);
  });

  test(`verify calls two forms of which one is sound no damage: ${what}`, async () => {
    const { project: { disk } } = await doubled(true);
    harm(disk);
    assert.deepEqual(await findingsOn(disk), []);
  });
}

test('a read of the log continues in the other form if one is damaged', async () => {
  for (const [what, [harm]] of Object.entries(HARMS)) {
    const { project: { disk } } = await doubled(true);
    const sound = await openCompacted({ disk });
    const lines = await linesOf(sound.log.read({ fromSeq: 1 }));
    harm(disk);
    assert.deepEqual(await linesOf(sound.log.read({ fromSeq: 1 })), lines, what);
    const damaged = await DamagedLog.open(disk, DATA, PROJECT);
    const found = await collect(damaged.linesAfter({ seq: 0, hash: genesisHash(PROJECT, sound.log.logId) }));
    assert.deepEqual(found.flat().map(({ seq }) => seq), lines.map(([seq]) => seq), `${what}, for a repair`);
    await sound.close();
  }
});

test('a value on disk that is damaged in one form is read from the other', async () => {
  const { project: { disk }, wanted } = await doubled(false);
  dropSnapshots(disk);
  const again = await open(disk, false);
  spoil(disk, PLAIN);
  assert.equal(await everythingOf(again.store), wanted);
  assert.equal(again.store.reads.damagedReads, 0);
  await again.close();
  const { project: { disk: both } } = await doubled(false);
  dropSnapshots(both);
  const worse = await open(both, false);
  spoil(both, PLAIN);
  both.put(PACKED, '');
  const named = /^AppError: Cannot trust the value of seq \d+ in the segment of seq 1, "p1\/0{19}1\.jsonl", at /;
  await assert.rejects(everythingOf(worse.store), named);
  await worse.close();
});

test('two damaged forms both stay, and verify and the check report the damage', async () => {
  const { project: { disk } } = await doubled(true);
  for (const place of [PLAIN, PACKED]) spoil(disk, place);
  const before = [disk.bytesOf(PLAIN), disk.bytesOf(PACKED)];
  assert.deepEqual((await findingsOn(disk)).map((file) => `${DATA}/${file}`), [PLAIN]);
  const again = await openCompacted({ disk });
  await retain(again);
  await again.compact();
  assert.deepEqual([disk.bytesOf(PLAIN), disk.bytesOf(PACKED)], before);
  assert.equal(again.damage.projectCount, 1);
  await again.close();
});

test('a form that cannot be removed stays until the next compaction', async () => {
  const { project: { disk }, wanted } = await doubled(true);
  const again = await openCompacted({ disk });
  disk.fail({ method: 'unlink', path: PACKED, action: { kind: 'errno', code: 'EPERM' } });
  await retain(again);
  assert.deepEqual(await formsOf(disk), [PLAIN, PACKED]);
  await retain(again);
  assert.deepEqual(await formsOf(disk), [PLAIN]);
  assert.equal(await everythingOf((await again.reopen()).store), wanted);
});

test('a kill between the rename and the removal of the old form loses nothing, whichever form is damaged then', async () => {
  for (const place of [undefined, PLAIN, PACKED]) {
    const storage = { ...SMALL_SEGMENTS, retention: { compress: 'gzip' } } as const;
    const project = await openCompacted({ storage });
    await project.fill(1, 9);
    const wanted = await everythingOf(project.store);
    project.disk.fail({ method: 'unlink', path: PLAIN, action: { kind: 'errno', code: 'EIO' } });
    await project.compact();
    const disk = project.disk.crash();
    await project.close();
    assert.deepEqual(await formsOf(disk), [PLAIN, PACKED]);
    if (place !== undefined) spoil(disk, place);
    const again = await openCompacted({ disk });
    assert.equal(await everythingOf(again.store), wanted);
    await again.compact();
    assert.deepEqual(await formsOf(disk), [PACKED]);
    const text = textOf(disk, PACKED);
    assert.deepEqual(await findingsOn(disk), []);
    assert.ok(text.length > 0);
    await again.close();
  }
});

async function linesOf(lines: AsyncIterable<LogLine>): Promise<readonly (readonly [number, string])[]> {
  return (await collect(lines)).map(({ seq, hash }) => [seq, hash] as const);
}

async function findingsOn(disk: FaultDisk): Promise<readonly string[]> {
  if (disk.tree.find(SCRATCH) === undefined) disk.tree.makeFolder(SCRATCH);
  const files: string[] = [];
  for await (const { findings } of verifyFolder({ disk, dataFolder: DATA, scratchFolder: SCRATCH })) {
    files.push(...findings.map(({ file }) => file));
  }
  return files;
}

test.run();
