/** The commands on files treat compressed segments like plain ones: their results do not depend on the form of a segment. */
import assert from 'node:assert/strict';
import { silentLogger } from '../../src/base/logger.js';
import { writeGzipCopy } from '../../src/log/file/segment/gzip-writer.js';
import { planRepair } from '../../src/offline/repair/repair-plan.js';
import { finishRepair, repairProject, type RepairTools } from '../../src/offline/repair/repair-project.js';
import { replayEvents } from '../../src/offline/replay/replay-events.js';
import { replayState } from '../../src/offline/replay/replay-state.js';
import { scrub } from '../../src/offline/tasks/scrub.js';
import { verifyFolder } from '../../src/offline/verify/verify-folder.js';
import type { FaultDisk } from '../disk/fault-disk.js';
import { suite } from '../suite.js';
import { EVENTS, flip, SCRATCH, SEGMENT_1, SEGMENT_5, type SoundFolder, soundFolder } from './sound-folder.js';
import { DATA, LOG_ID, stateText } from './written-project.js';

const test = suite('offline: compressed segments');

/** Puts the compressed form of a segment in the place of the plain one. */
async function compress(disk: FaultDisk, name: string, nextSeq: number): Promise<void> {
  const text = await disk.open(`${DATA}/${name}`, 'read');
  await writeGzipCopy(disk, { text, nextSeq }, `${DATA}/${name}.gz`);
  await text.close();
  await disk.unlink(`${DATA}/${name}`);
  disk.tree.syncAll();
}

async function compressedFolder(snapshots: readonly number[] = []): Promise<SoundFolder> {
  const folder = await soundFolder(snapshots);
  await compress(folder.disk, SEGMENT_1, 5);
  await compress(folder.disk, SEGMENT_5, 8);
  return folder;
}

async function verify(disk: FaultDisk): Promise<{ readonly findings: readonly string[]; readonly lineCounts: readonly number[] }> {
  const findings: string[] = [];
  const lineCounts: number[] = [];
  for await (const verdict of verifyFolder({ disk, dataFolder: DATA, scratchFolder: SCRATCH })) {
    findings.push(...verdict.findings.map(({ file, expected }) => `${file}: ${expected}`));
    lineCounts.push(verdict.lineCount);
  }
  return { findings, lineCounts };
}

async function stateOf(disk: FaultDisk, seq?: number): Promise<string> {
  const until = seq === undefined ? undefined : { seq };
  const state = await replayState({ disk, dataFolder: DATA, project: 'p', until, scratchFolder: SCRATCH });
  const text = disk.bytesOf(state.path).toString('utf8');
  for (const name of await disk.list(SCRATCH)) await disk.unlink(`${SCRATCH}/${name}`);
  return text;
}

async function repair(disk: FaultDisk): Promise<void> {
  const tools: RepairTools = { disk, dataFolder: DATA, logger: silentLogger, nowMs: Date.UTC(2026, 10, 23) };
  await finishRepair(await repairProject(await planRepair('p', tools), tools), tools);
}

test('verify and the scrub report no finding, and read every line', async () => {
  for (const snapshots of [[], [6, 9]]) {
    const { disk } = await compressedFolder(snapshots);
    assert.deepEqual(await verify(disk), { findings: [], lineCounts: [1, EVENTS.length] });
    const { findings } = await scrub({ dataFolder: DATA, project: 'p', logId: LOG_ID, bytesPerSecond: 0 }, disk);
    assert.deepEqual(findings, []);
    assert.deepEqual(disk.openPaths, []);
  }
});

test('the state at every seq is that after the lines up to it', async () => {
  for (const snapshots of [[], [6]]) {
    const { disk } = await compressedFolder(snapshots);
    for (let seq = 1; seq <= EVENTS.length; seq += 1) assert.equal(await stateOf(disk, seq), stateText(EVENTS.slice(0, seq)), `seq ${seq}`);
    assert.deepEqual(disk.openPaths, []);
  }
});

test('lines are shown byte for byte', async () => {
  const { disk, log } = await compressedFolder();
  const found: string[] = [];
  const options = { disk, dataFolder: DATA, project: 'p', until: undefined, filter: {}, scratchFolder: SCRATCH };
  for await (const line of replayEvents(options)) found.push(line.toString('utf8'));
  assert.deepEqual(found, log.lines.map(({ text }) => text));
  assert.deepEqual(await disk.list(SCRATCH), [], 'nothing is left of the text that was written out');
});

test('a flipped bit in a compressed segment is reported with its file name, and a replay through it is refused', async () => {
  const { disk } = await compressedFolder([6]);
  flip(disk, `${SEGMENT_1}.gz`, 60);
  const { findings } = await verify(disk);
  assert.ok(findings.length > 0 && findings.every((finding) => finding.startsWith(`${SEGMENT_1}.gz: `)), findings.join());
  await assert.rejects(stateOf(disk, 3), { name: 'LogCorruptError' });
  assert.equal(await stateOf(disk, 8), stateText(EVENTS.slice(0, 8)), 'a snapshot covers what is damaged');
});

test('a repair of damage behind compressed segments keeps all their lines', async () => {
  const { disk, log } = await compressedFolder();
  const line = log.lines[8];
  assert.ok(line);
  flip(disk, line.file, line.offset + 150);
  await repair(disk);
  assert.deepEqual((await verify(disk)).findings, []);
  assert.equal(await stateOf(disk), stateText(EVENTS.slice(0, 8)));
});

test('a damaged compressed segment loses no value that a snapshot holds', async () => {
  const { disk } = await compressedFolder([6, 9]);
  flip(disk, `${SEGMENT_1}.gz`, 60);
  await repair(disk);
  assert.deepEqual((await verify(disk)).findings, []);
  assert.equal(await stateOf(disk), stateText(EVENTS));
});

test('a damaged compressed segment that no snapshot covers loses nothing before it', async () => {
  const { disk } = await compressedFolder();
  flip(disk, `${SEGMENT_5}.gz`, 60);
  await repair(disk);
  assert.deepEqual((await verify(disk)).findings, []);
  const found = await stateOf(disk);
  assert.ok([4, 5, 6, 7].some((seq) => found === stateText(EVENTS.slice(0, seq))), found);
});

test.run();
