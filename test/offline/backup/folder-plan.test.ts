/** What a backup of a folder without a server holds: whole logs up to their last line, whatever a crash has left beside them. */
import assert from 'node:assert/strict';
import { writeGzipCopy } from '../../../src/log/file/segment/gzip-writer.js';
import { backupContent } from '../../../src/offline/backup/backup-content.js';
import { planOfFolder } from '../../../src/offline/backup/folder-plan.js';
import { openBackup } from '../../../src/offline/backup/read-backup.js';
import { verifyBackup } from '../../../src/offline/backup/verify-backup.js';
import type { FaultDisk } from '../../disk/fault-disk.js';
import { suite } from '../../suite.js';
import { flip, SCRATCH, SEGMENT_1, soundFolder } from '../sound-folder.js';
import { DATA, putLog, set, writeLog } from '../written-project.js';
import { BACKUP, putBackup } from './backed-up.js';

const test = suite('folder-plan');

/** Backs a folder up, and says what a check of that finds. */
async function backUp(disk: FaultDisk, project?: string): Promise<readonly string[]> {
  const plan = await planOfFolder(disk, { dataFolder: DATA, project, timeMs: 0 });
  const pieces: Buffer[] = [];
  for await (const piece of (await backupContent(disk, DATA, plan)).pieces()) pieces.push(Buffer.from(piece));
  putBackup(disk, Buffer.concat(pieces));
  const backup = await openBackup(disk, BACKUP);
  const said = backup.manifest.skipped.map(({ id, reason }) => `${id}: ${reason}`);
  for await (const { project: id, findings, lastSeq } of verifyBackup(backup, { scratchFolder: SCRATCH })) {
    said.push(...findings.map((finding) => `${id}: ${JSON.stringify(finding)}`), `${id}: up to ${lastSeq}`);
  }
  return said;
}

const SOUND = ['_server: up to 1', 'p: up to 11'];

test('a sound folder, or one project of it, is backed up whole', async () => {
  const { disk } = await soundFolder();
  assert.deepEqual(await backUp(disk), SOUND);
  assert.deepEqual(await backUp(disk, 'p'), SOUND);
});

test('a torn tail is left out', async () => {
  const { disk } = await soundFolder();
  for (const name of ['p.jsonl', '_server.jsonl']) {
    disk.put(`${DATA}/${name}`, Buffer.concat([disk.bytesOf(`${DATA}/${name}`), Buffer.from('{"seq":12,"time":"20')]));
  }
  assert.deepEqual(await backUp(disk), SOUND);
});

test('a segment in two forms is copied in both, so that the sound one is there', async () => {
  const { disk } = await soundFolder([]);
  const text = await disk.open(`${DATA}/${SEGMENT_1}`, 'read');
  await writeGzipCopy(disk, { text, nextSeq: 5 }, `${DATA}/${SEGMENT_1}.gz`);
  await text.close();
  flip(disk, SEGMENT_1, 400);
  assert.deepEqual(await backUp(disk), SOUND);
});

test('a damaged project is skipped, or refused if it was asked for; a damaged registry is replaced by one of the projects', async () => {
  const { disk } = await soundFolder();
  await putLog(disk, writeLog({ project: 'q', logId: 'a'.repeat(32), events: [set('a', '1')] }));
  flip(disk, 'q.jsonl', 300);
  assert.deepEqual(await backUp(disk), ['q: project_corrupt', ...SOUND]);
  await assert.rejects(planOfFolder(disk, { dataFolder: DATA, project: 'q', timeMs: 0 }), { code: 'project_corrupt' });
  flip(disk, '_server.jsonl', 300);
  assert.deepEqual(await backUp(disk), ['q: project_corrupt', ...SOUND]);
});

test.run();
