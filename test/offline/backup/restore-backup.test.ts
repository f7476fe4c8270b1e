/** Restores: the same log, or a new one from its state, in an empty folder or beside other projects, and nothing replaced. */
import assert from 'node:assert/strict';
import { silentLogger } from '../../../src/base/logger.js';
import { openBackup } from '../../../src/offline/backup/read-backup.js';
import { restoreBackup, type RestoredProject, type RestoreSelection } from '../../../src/offline/backup/restore-backup.js';
import { TAR_BLOCK_BYTES } from '../../../src/offline/backup/tar-format.js';
import { snapshotsOf } from '../../../src/offline/project-files.js';
import { readRegistry } from '../../../src/offline/registry.js';
import { replayState } from '../../../src/offline/replay/replay-state.js';
import { verifyFolder } from '../../../src/offline/verify/verify-folder.js';
import { type RememberedRequest, requestsIn } from '../../../src/projections/requests/request-records.js';
import { FaultDisk } from '../../disk/fault-disk.js';
import { DATA, openCompacted, PROJECT, SMALL_SEGMENTS } from '../../projects/compacted-project.js';
import { flatten } from '../../projections/snapshot/snapshot-fixture.js';
import { suite } from '../../suite.js';
import { BACKUP, bytesOfBackup, planOf, putBackup } from './backed-up.js';

const test = suite('restore-backup');
const SCRATCH = '/scratch';
const REMOVING = { ...SMALL_SEGMENTS, retention: { max_age_seconds: null, max_bytes: 0, compress: 'none' } } as const;

/** A disk with a backup and an empty data folder, and the files that the backup was made of. */
async function backedUp(isWhole: boolean, storage: typeof SMALL_SEGMENTS | typeof REMOVING = SMALL_SEGMENTS): Promise<{
  readonly disk: FaultDisk; readonly original: FaultDisk; readonly seq: number; readonly logId: string;
}> {
  const project = await openCompacted({ storage });
  await project.fill(1, 7);
  await project.compact();
  await project.fill(5, 12);
  await project.compact();
  await project.fill(10, 13);
  const disk = new FaultDisk();
  for (const folder of [DATA, SCRATCH]) disk.tree.makeFolder(folder);
  putBackup(disk, await bytesOfBackup(project.disk, await planOf(project, isWhole)));
  const { store: { seq }, log: { logId } } = project;
  await project.close();
  return { disk, original: project.disk, seq, logId };
}

async function restoreOn(disk: FaultDisk, selection: RestoreSelection = {}): Promise<readonly RestoredProject[]> {
  const backup = await openBackup(disk, BACKUP);
  return await restoreBackup({ backup, dataFolder: DATA, logger: silentLogger }, selection);
}

async function faultsOn(disk: FaultDisk): Promise<string[]> {
  const faults: string[] = [];
  for await (const { project, findings, notes } of verifyFolder({ disk, dataFolder: DATA, scratchFolder: SCRATCH })) {
    faults.push(...[...findings, ...notes].map((each) => `${project}: ${JSON.stringify(each)}`));
  }
  return faults;
}

async function stateOf(disk: FaultDisk, project: string): Promise<string> {
  const state = await replayState({ disk, dataFolder: DATA, project, until: undefined, scratchFolder: SCRATCH });
  const text = disk.bytesOf(state.path).toString();
  await disk.unlink(state.path);
  return text;
}

for (const isWhole of [true, false]) {
  for (const [what, storage] of [['a whole log', SMALL_SEGMENTS], ['a log that retention shortened', REMOVING]] as const) {
    test(`a backup of ${isWhole ? 'a server' : 'a project'} with ${what} is restored byte by byte, and registered`, async () => {
      const { disk, original, seq, logId } = await backedUp(isWhole, storage);
      const [restored, ...others] = await restoreOn(disk);
      assert.deepEqual([restored?.id, restored?.logId, restored?.lastSeq, restored?.revision, restored?.wasThere, others.length], [
        PROJECT, logId, seq, 1, false, 0,
      ]);
      for (const [name, bytes] of original.contents()) {
        if (!name.startsWith(`${DATA}/${PROJECT}/`) || name.endsWith('/head')) continue;
        assert.ok(disk.bytesOf(name).equals(bytes), name);
      }
      assert.deepEqual(await faultsOn(disk), []);
      assert.deepEqual((await disk.list(DATA)).toSorted(), ['_server', '_server.jsonl', PROJECT, `${PROJECT}.jsonl`]);
      const { registrations, log } = await readRegistry(disk, DATA);
      assert.equal(registrations.get(PROJECT)?.provenSeq, seq);
      assert.equal((log?.lineCount ?? 0) > 2, isWhole, 'the registry of a server keeps its history');
      assert.deepEqual(disk.openPaths, []);
    });
  }
}

test('a new project continues from the state of another, beside it', async () => {
  for (const storage of [SMALL_SEGMENTS, REMOVING]) {
    const { disk, seq, logId } = await backedUp(true, storage);
    await restoreOn(disk);
    const [made] = await restoreOn(disk, { project: PROJECT, as: 'copy' });
    assert.deepEqual([made?.id, made?.lastSeq, made?.logId === logId], ['copy', seq, false]);
    assert.deepEqual(await faultsOn(disk), []);
    assert.equal(await stateOf(disk, 'copy'), await stateOf(disk, PROJECT));
    assert.match(disk.bytesOf(`${DATA}/copy.jsonl`).toString(), new RegExp(`"project":"copy",.*"first_seq":${seq + 1},.*"base":"`));
  }
});

test('a new project whose newest snapshot is its whole state has that snapshot', async () => {
  const project = await openCompacted();
  await project.fill(1, 3);
  await project.compact();
  const disk = new FaultDisk();
  for (const folder of [DATA, SCRATCH]) disk.tree.makeFolder(folder);
  putBackup(disk, await bytesOfBackup(project.disk, await planOf(project)));
  await project.close();
  await restoreOn(disk, { project: PROJECT, as: 'copy' });
  assert.deepEqual(await faultsOn(disk), []);
  assert.equal(disk.bytesOf(`${DATA}/copy/snap-00000000000000000004.json`).length > 3000, true);
});

test('a project whose files were lost is restored beside the others; one that is there is left as it is', async () => {
  const { disk, seq } = await backedUp(true);
  await restoreOn(disk);
  const before = disk.contents();
  const [again] = await restoreOn(disk);
  assert.deepEqual([again?.wasThere, again?.lastSeq, again?.revision], [true, seq, 1]);
  assert.deepEqual(disk.contents(), before);
  await disk.unlink(`${DATA}/${PROJECT}.jsonl`);
  for (const name of await disk.list(`${DATA}/${PROJECT}`)) await disk.unlink(`${DATA}/${PROJECT}/${name}`);
  await restoreOn(disk);
  assert.deepEqual(await faultsOn(disk), []);
});

test('a backup that is replaced after it was verified is not taken for the verified one', async () => {
  const { disk } = await backedUp(true);
  const backup = await openBackup(disk, BACKUP);
  const good = disk.bytesOf(BACKUP);
  const end = Buffer.from(`${PROJECT}.jsonl\0`);
  const content = good.indexOf(end) + TAR_BLOCK_BYTES;
  const other = Buffer.from(good);
  other.writeUInt8(other.readUInt8(content) ^ 1, content);
  disk.put(BACKUP, other);
  const message = /"p1\.jsonl" at byte 0: expected the SHA-256 \w{64} in the backup, found \w{64} in the copy/;
  const refused = { code: 'project_corrupt', message };
  await assert.rejects(restoreBackup({ backup, dataFolder: DATA, logger: silentLogger }, {}), refused);
  assert.equal(await disk.status(`${DATA}/${PROJECT}.jsonl`), undefined);
  disk.put(BACKUP, good);
  await restoreOn(disk);
  assert.deepEqual(await faultsOn(disk), []);
});

test('nothing is restored over other files, into a folder of other things, or beside a damaged registry', async () => {
  const files = { code: 'project_files_exist' };
  const { disk } = await backedUp(true);
  await assert.rejects(restoreOn(disk, { project: 'none' }), { code: 'project_not_found', message: /the backup has these projects: p1$/ });
  disk.put(`${DATA}/README.md`, 'harmless');
  disk.tree.makeFolder(`${DATA}/lost+found`);
  const used = disk.crash();
  used.put(`${DATA}/photo.jpg`, 'x');
  await assert.rejects(restoreOn(used), { ...files, message: /neither empty \(it has "photo\.jpg"\) nor a data folder/ });
  await restoreOn(disk);
  const newer = disk.crash();
  newer.put(`${DATA}/${PROJECT}.jsonl`, Buffer.concat([newer.bytesOf(`${DATA}/${PROJECT}.jsonl`), Buffer.from('{"seq":99,"time":')]));
  const torn = newer.contents();
  assert.equal((await restoreOn(newer))[0]?.wasThere, true, 'a torn tail is no other log');
  assert.deepEqual(newer.contents(), torn);
  const other = disk.crash();
  other.put(`${DATA}/copy.jsonl`, 'mine');
  await assert.rejects(restoreOn(other, { project: PROJECT, as: 'copy' }), { ...files, message: /"copy\.jsonl"/ });
  const headless = disk.crash();
  await headless.unlink(`${DATA}/${PROJECT}.jsonl`);
  await assert.rejects(restoreOn(headless), { ...files, message: /or restore it under another id with --as$/ });
  const spoiled = disk.crash();
  spoiled.put(`${DATA}/_server.jsonl`, 'x\n');
  await assert.rejects(restoreOn(spoiled), { code: 'server_log_corrupt' });
});

test('a project that has another log now, of which the files are missing, is not replaced', async () => {
  const { disk } = await backedUp(true);
  await restoreOn(disk, { project: PROJECT, as: 'copy' });
  await disk.unlink(`${DATA}/copy.jsonl`);
  for (const name of await disk.list(`${DATA}/copy`)) await disk.unlink(`${DATA}/copy/${name}`);
  await assert.rejects(restoreOn(disk, { project: PROJECT, as: 'copy' }), { code: 'project_exists' });
});

test('a full disk leaves the folder as it was, but for the copy', async () => {
  const { disk, seq } = await backedUp(true);
  disk.roomBytes = 20_000;
  await assert.rejects(restoreOn(disk), (error: NodeJS.ErrnoException) => error.code === 'ENOSPC' || error.code === 'disk_full');
  assert.deepEqual(await disk.list(DATA), ['_restore']);
  disk.roomBytes = Number.POSITIVE_INFINITY;
  assert.equal((await restoreOn(disk))[0]?.lastSeq, seq);
  assert.deepEqual(await faultsOn(disk), []);
});

/** A backup of a project that remembers requests, some of them in a snapshot. */
async function rememberedBackup(disk: FaultDisk): Promise<readonly RememberedRequest[]> {
  const project = await openCompacted({ storage: SMALL_SEGMENTS });
  for (let number = 1; number <= 6; number += 1) {
    const context = { actor: 'anonymous', requestId: `idem:r${number}`, fingerprint: '0'.repeat(16) };
    await project.store.submit({ type: 'set', key: `k${number % 4}`, value: '1' }, context);
    if (number === 3) await project.compact();
  }
  putBackup(disk, await bytesOfBackup(project.disk, await planOf(project)));
  const remembered = [...requestsIn(project.store.snapshotPoint().requests)];
  await project.close();
  return remembered;
}

test('requests that are remembered come along, into a new project too', async () => {
  const disk = new FaultDisk();
  for (const folder of [DATA, SCRATCH]) disk.tree.makeFolder(folder);
  const remembered = await rememberedBackup(disk);
  assert.deepEqual(remembered.map(({ count }) => count), [1, 1, 1, 1, 0, 0]);
  await restoreOn(disk);
  await restoreOn(disk, { project: PROJECT, as: 'other' });
  assert.deepEqual(await faultsOn(disk), []);
  const snapshots = snapshotsOf(disk, { dataFolder: DATA, project: 'other' });
  const [base] = (await snapshots.list()).committed;
  assert.ok(base?.isBase);
  assert.deepEqual((await flatten<RememberedRequest>(snapshots.readRequests(base))), remembered);
  const own = snapshotsOf(disk, { dataFolder: DATA, project: PROJECT });
  const [newest] = (await own.list()).committed;
  assert.ok(newest);
  assert.deepEqual((await flatten<RememberedRequest>(own.readRequests(newest))), remembered.slice(0, 3));
});

test.run();
