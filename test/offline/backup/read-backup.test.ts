/** Backups as files: complete ones verify, and nothing else does. */
import assert from 'node:assert/strict';
import { silentLogger } from '../../../src/base/logger.js';
import { FileHome } from '../../../src/log/file/file-home.js';
import { backupContent } from '../../../src/offline/backup/backup-content.js';
import { BACKUP_MANIFEST_NAME, encodeBackupManifest } from '../../../src/offline/backup/backup-manifest.js';
import { planOfFolder } from '../../../src/offline/backup/folder-plan.js';
import { faultOfBackup, openBackup } from '../../../src/offline/backup/read-backup.js';
import { restoreBackup } from '../../../src/offline/backup/restore-backup.js';
import { encodeTarHeader, paddingAfter, TAR_BLOCK_BYTES, TAR_END } from '../../../src/offline/backup/tar-format.js';
import { verifyBackup } from '../../../src/offline/backup/verify-backup.js';
import { snapshotsOf } from '../../../src/offline/project-files.js';
import { OFFLINE_LOG_OPTIONS } from '../../../src/offline/registry-writer.js';
import type { ProjectVerdict } from '../../../src/offline/verify/verify-project.js';
import { FaultDisk } from '../../disk/fault-disk.js';
import { type CompactedProject, DATA, openCompacted, PROJECT, SMALL_SEGMENTS, spoil } from '../../projects/compacted-project.js';
import { gzipSync } from 'node:zlib';
import { suite } from '../../suite.js';
import { BACKUP, bytesOfBackup, planOf, putBackup } from './backed-up.js';

const test = suite('read-backup');
const SCRATCH = '/scratch';

async function verdictsOf(bytes: Buffer, only?: string): Promise<ProjectVerdict[]> {
  const disk = new FaultDisk();
  disk.tree.makeFolder(SCRATCH);
  putBackup(disk, bytes);
  const verdicts: ProjectVerdict[] = [];
  const opened = await openBackup(disk, BACKUP);
  for await (const verdict of verifyBackup(opened, { scratchFolder: SCRATCH }, only)) verdicts.push(verdict);
  assert.deepEqual(disk.openPaths, []);
  return verdicts;
}

/** A project with sealed segments, two snapshots and lines after them. */
async function written(storage = SMALL_SEGMENTS): Promise<CompactedProject> {
  const project = await openCompacted({ storage });
  await project.fill(1, 7);
  await project.compact();
  await project.fill(5, 9);
  await project.compact();
  await project.fill(10, 12);
  return project;
}

test('a backup of a server and one of a project verify, and end with the last line of that moment', async () => {
  const project = await written();
  for (const isWhole of [true, false]) {
    const plan = await planOf(project, isWhole);
    const verdicts = await verdictsOf(await bytesOfBackup(project.disk, plan));
    assert.deepEqual(verdicts.map(({ project: id, findings, lastSeq }) => [id, findings, lastSeq > 0]), [
      ['_server', [], true], [PROJECT, [], true],
    ]);
    const [, verdict] = verdicts;
    assert.deepEqual([verdict?.lastSeq, verdict?.logId, verdict?.notes], [project.store.seq, project.log.logId, []]);
    assert.equal(verdict?.snapshots.length, 2);
  }
  await project.close();
});

test('lines that are appended and segments that are sealed while a backup is read are not in it', async () => {
  const project = await written();
  const plan = await planOf(project);
  const { seq } = project.store;
  const { pieces } = await backupContent(project.disk, DATA, plan);
  const read: Buffer[] = [];
  for await (const piece of pieces()) {
    read.push(Buffer.from(piece));
    await project.fill(20, 22);
  }
  assert.ok(project.store.seq > seq + 20);
  const [, verdict] = await verdictsOf(Buffer.concat(read));
  assert.deepEqual([verdict?.findings, verdict?.lastSeq], [[], seq]);
  await project.close();
});

test('a segment without an event that gets a newer format before it is copied does not spoil the backup', async () => {
  // Segments of one line each, so the active one is empty only right after a creation from a base; here by a project that is restored.
  const project = await written();
  const disk = new FaultDisk();
  for (const folder of [DATA, SCRATCH]) disk.tree.makeFolder(folder);
  putBackup(disk, await bytesOfBackup(project.disk, await planOf(project)));
  await project.close();
  const backup = await openBackup(disk, BACKUP);
  await restoreBackup({ backup, dataFolder: DATA, logger: silentLogger }, {});
  await restoreBackup({ backup, dataFolder: DATA, logger: silentLogger }, { project: PROJECT, as: 'copy' });
  const plan = await planOfFolder(disk, { dataFolder: DATA, project: 'copy', timeMs: 0 });
  const { pieces } = await backupContent(disk, DATA, plan);
  const home = new FileHome({ folder: DATA, disk, logger: silentLogger });
  const log = await home.open('copy', { ...OFFLINE_LOG_OPTIONS, replay: () => undefined, known: await knownOf(disk) });
  assert.ok(log !== undefined);
  const draft = { op: 'batch', actor: 'anonymous', request: 'r', body: '"ops":[{"op":"set","key":"a","value":1}]', format: 2 } as const;
  await log.append([draft], log.position().seq);
  await log.close();
  const read: Buffer[] = [];
  for await (const piece of pieces()) read.push(Buffer.from(piece));
  const verdicts = await verdictsOf(Buffer.concat(read));
  assert.deepEqual(verdicts.map(({ findings }) => findings), [[], []]);
  assert.equal(verdicts[1]?.lastSeq, plan.projects[0]?.end.seq);
});

/** What a start knows of the copy from its snapshot. */
async function knownOf(disk: FaultDisk): Promise<{ readonly seq: number; readonly hash: string; readonly timeMs: number }> {
  const [newest] = (await snapshotsOf(disk, { dataFolder: DATA, project: 'copy' }).list()).committed;
  assert.ok(newest !== undefined);
  return newest;
}

test('a log whose first segments retention removed verifies with either registry', async () => {
  const project = await written({ ...SMALL_SEGMENTS, retention: { max_age_seconds: null, max_bytes: 0, compress: 'gzip' } });
  await project.compact();
  assert.ok(project.log.firstSeq() > 1, 'a segment was removed');
  for (const isWhole of [true, false]) {
    const verdicts = await verdictsOf(await bytesOfBackup(project.disk, await planOf(project, isWhole)));
    assert.deepEqual(verdicts.map(({ findings, notes }) => [findings, notes]), [[[], []], [[], []]]);
  }
  await project.close();
});

test('a project that the manifest names as skipped is not missed', async () => {
  const project = await written();
  const plan = await planOf(project);
  const skipped = [{ id: PROJECT, reason: 'project_corrupt' }];
  const verdicts = await verdictsOf(await bytesOfBackup(project.disk, { ...plan, projects: [], skipped }));
  const note = 'it is not in the backup (project_corrupt)';
  assert.deepEqual(verdicts.map(({ findings, notes }) => [findings, notes]), [[[], []], [[], [note]]]);
  await project.close();
});

test('damage that was copied is found, although the digests of the files are right', async () => {
  const project = await written();
  const plan = await planOf(project);
  spoil(project.disk, `${DATA}/${PROJECT}/00000000000000000001.jsonl`);
  const [, verdict] = await verdictsOf(await bytesOfBackup(project.disk, plan));
  assert.equal(verdict?.findings[0]?.file, `${PROJECT}/00000000000000000001.jsonl`);
  await project.close();
});

/** What opening a backup says. */
async function faultIn(bytes: Buffer): Promise<string | undefined> {
  const disk = new FaultDisk();
  putBackup(disk, bytes);
  try {
    await openBackup(disk, BACKUP);
    return undefined;
  } catch (error) {
    const fault = faultOfBackup(error);
    assert.ok(fault !== undefined, String(error));
    return `${fault.expected}; ${fault.found}`;
  }
}

test('a backup that was cut short anywhere does not verify', async () => {
  const project = await openCompacted();
  await project.compact();
  const bytes = await bytesOfBackup(project.disk, await planOf(project));
  await project.close();
  assert.equal(await faultIn(bytes), undefined);
  for (let length = 0; length < bytes.length; length += length % TAR_BLOCK_BYTES === 0 ? 1 : 101) {
    assert.ok((await faultIn(bytes.subarray(0, length))) !== undefined, `${length} of ${bytes.length} bytes`);
  }
  for (const more of ['\0', 'x', '\0'.repeat(TAR_BLOCK_BYTES)]) {
    assert.equal(await faultIn(Buffer.concat([bytes, Buffer.from(more)])), 'the end of the backup; more bytes');
  }
});

test('a backup in which any bit changed does not verify', async () => {
  const project = await openCompacted();
  await project.compact();
  const bytes = await bytesOfBackup(project.disk, await planOf(project));
  await project.close();
  // The heads are mostly spaces; every other byte is visited.
  for (let offset = 0; offset < bytes.length; offset += bytes[offset] === 0x20 ? 61 : 3) {
    const changed = Buffer.from(bytes);
    changed.writeUInt8(changed.readUInt8(offset) ^ (1 << (offset % 8)), offset);
    assert.ok((await faultIn(changed)) !== undefined, `byte ${offset} of ${bytes.length}`);
  }
});

const LOG = { log_id: '0'.repeat(32), first_seq: 1, last_seq: 1, last_hash: '0'.repeat(64) };
const MANIFEST = { time: '2026-11-22T10:00:00.000Z', is_whole: true, registry: LOG, projects: [], skipped: [], files: [] };

function archiveOf(...files: readonly (readonly [string, Buffer])[]): Buffer {
  const parts = files.flatMap(([name, bytes]) => [
    encodeTarHeader({ name, sizeBytes: bytes.length, timeMs: 0 }), bytes, Buffer.alloc(paddingAfter(bytes.length)),
  ]);
  return Buffer.concat([...parts, TAR_END]);
}

const EMPTY = Buffer.alloc(0);
const NONE = 'e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855';
const A = { name: 'a', bytes: 0, sha256: NONE };
const manifestOf = (change: object): Buffer => encodeBackupManifest({ ...MANIFEST, ...change });

test('an archive that is no backup says why', async () => {
  const other = Buffer.from(String(manifestOf({})).replace('backup/1', 'backup/2'));
  const rows: [string, Buffer, RegExp][] = [
    ['no manifest', archiveOf(['a', EMPTY]), /"_backup\.json" as the last file; the end$/],
    ['nothing', Buffer.alloc(0), /the header of a file; .*0 bytes: the backup is incomplete$/],
    ['text', Buffer.alloc(TAR_BLOCK_BYTES, 'x'), /the header of a file, as a backup has it; something else$/],
    ['gzip', gzipSync(archiveOf([BACKUP_MANIFEST_NAME, manifestOf({})]), { level: 0 }), /; a compressed file: decompress it first$/],
    ['another tar', Buffer.concat([Buffer.alloc(257), Buffer.from('ustar  '), Buffer.alloc(248)]), /; a tar that another program wrote/],
    ['a file twice', archiveOf(['a', EMPTY], ['a', EMPTY]), /each file once; "a" again$/],
    ['no such file', archiveOf([BACKUP_MANIFEST_NAME, manifestOf({ files: [A] })]), /the file "a"; none$/],
    ['an unnamed file', archiveOf(['a', EMPTY], [BACKUP_MANIFEST_NAME, manifestOf({})]), /no further file; "a" of 0 bytes/],
    ['another file', archiveOf(['b', EMPTY], [BACKUP_MANIFEST_NAME, manifestOf({ files: [A] })]), /"a" of/],
    ['a newer format', archiveOf([BACKUP_MANIFEST_NAME, other]), /a manifest; the format "simplekv-backup\/2" of a newer version/],
    ['no JSON', archiveOf([BACKUP_MANIFEST_NAME, Buffer.from('{\n"format":"simplekv-backup/1",\n')]), /a manifest; at ""/],
    ['no manifest text', archiveOf([BACKUP_MANIFEST_NAME, EMPTY]), /a manifest; something else$/],
    ['a path', archiveOf([BACKUP_MANIFEST_NAME, manifestOf({ files: [{ ...A, name: '../a' }] })]), /at "\/files\/0\/name"/],
  ];
  for (const [what, bytes, said] of rows) assert.match((await faultIn(bytes)) ?? 'nothing', said, what);
});

test('a log that ends elsewhere than the manifest says is a fault', async () => {
  const project = await written();
  const plan = await planOf(project);
  const [fixed] = plan.projects;
  assert.ok(fixed !== undefined);
  const bytes = await bytesOfBackup(project.disk, { ...plan, projects: [{ ...fixed, logId: '0'.repeat(32) }] });
  const [, verdict] = await verdictsOf(bytes);
  assert.equal(verdict?.findings.length, 1);
  await project.close();
});

test('nothing in a backup can be changed', async () => {
  const project = await openCompacted();
  const disk = new FaultDisk();
  putBackup(disk, await bytesOfBackup(project.disk, await planOf(project)));
  await project.close();
  const opened = await openBackup(disk, BACKUP);
  const inside = `${BACKUP}/${PROJECT}.jsonl`;
  const refused = { code: 'disk_failed' };
  await assert.rejects(opened.disk.open(inside, 'append'), refused);
  await assert.rejects(opened.disk.unlink(inside), refused);
  await assert.rejects(opened.disk.rename('/backups/other', inside), refused);
  await assert.rejects(opened.disk.makeFolder(`${BACKUP}/new`), refused);
  await assert.rejects(opened.disk.open(`${BACKUP}/none`, 'read'), { code: 'ENOENT' });
  assert.deepEqual((await opened.disk.list(BACKUP)).toSorted(), ['_server', '_server.jsonl', PROJECT, `${PROJECT}.jsonl`].toSorted());
  assert.equal((await opened.disk.status(`${BACKUP}/${PROJECT}`))?.isFolder, true);
  assert.equal(await opened.disk.status(`${BACKUP}/none`), undefined);
});

test.run();
