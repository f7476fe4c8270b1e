/** The registry is checked with its snapshots: their bytes and their content. */
import assert from 'node:assert/strict';
import { silentLogger } from '../../../src/base/logger.js';
import { FileHome } from '../../../src/log/file/file-home.js';
import { checkRegistry } from '../../../src/offline/verify/check-registry.js';
import { SnapshotFolder } from '../../../src/projections/snapshot/snapshot-folder.js';
import { Registry } from '../../../src/projects/registry.js';
import { FaultDisk } from '../../disk/fault-disk.js';
import { suite } from '../../suite.js';
import { flip } from '../sound-folder.js';
import { DATA } from '../written-project.js';

const test = suite('offline/verify/check-registry');
const CONTEXT = { actor: 'config', requestId: 'r' };
const LOG_ID = 'a'.repeat(32);

/** A registry of two lines with a snapshot; `forge` changes the content of the snapshot. */
async function registry(forge: (value: string) => string = (value) => value): Promise<FaultDisk> {
  const disk = new FaultDisk();
  await disk.makeFolder(DATA);
  const snapshots = (name: string): SnapshotFolder => (
    new SnapshotFolder({ disk, folder: `${DATA}/${name}`, readable: `${DATA}/${name}.json` })
  );
  const diskHome = new FileHome({ folder: DATA, disk, logger: silentLogger });
  const registry = await Registry.create({ diskHome, snapshots, logger: silentLogger });
  await registry.record({ op: 'project.created', id: 'p', log_id: LOG_ID }, CONTEXT);
  await registry.record({ op: 'config.edited', scope: 'default', changed: ['storage'], key_id: null }, CONTEXT);
  await registry.close();
  const { log, registrations } = await checkRegistry(disk, DATA);
  assert.ok(log?.end !== undefined && log.logId !== undefined);
  const folder = snapshots('_server');
  const writer = await folder.begin(log.end.seq);
  const version = { seq: log.end.seq, tag: 1, timeMs: 1, expiresAtMs: null };
  for (const [key, value] of registrations.save()) await writer.add({ key, value: forge(value), ...version });
  const data = await writer.finish();
  const identity = { project: '_server', logId: log.logId, seq: log.end.seq, hash: log.end.hash, timeMs: 1 };
  await folder.commit({ ...data, ...identity, requests: null, isBase: false, segments: [], state: null });
  return disk;
}

test('a snapshot with the state after the lines up to it is sound', async () => {
  const { findings, snapshots } = await checkRegistry(await registry(), DATA);
  assert.deepEqual([findings, snapshots.sound.map(({ seq }) => seq)], [[], [2]]);
});

test('a snapshot with another state is a finding, although its digests are right', async () => {
  const disk = await registry((value) => value.replace('live', 'left'));
  const { findings } = await checkRegistry(disk, DATA);
  assert.deepEqual(findings.map(({ file, seq }) => [file, seq]), [['_server/snap-00000000000000000002.json', 2]]);
});

test('a flipped bit in a snapshot is a finding', async () => {
  const disk = await registry();
  flip(disk, '_server/snap-00000000000000000002.json', 9);
  const { findings, snapshots } = await checkRegistry(disk, DATA);
  assert.deepEqual([findings.map(({ file }) => file), snapshots.sound], [['_server/snap-00000000000000000002.json'], []]);
});

test.run();
