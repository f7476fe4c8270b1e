/** Backups of a running server: one moment for all projects, while they are written to, created and deleted. */
import assert from 'node:assert/strict';
import { existsSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { NodeDisk } from '../../src/disk/node-disk.js';
import { openBackup, type OpenedBackup } from '../../src/offline/backup/read-backup.js';
import { verifyBackup } from '../../src/offline/backup/verify-backup.js';
import { type Backup, type BackupMaker, prepareBackup, type ProjectLease } from '../../src/projects/backup.js';
import { suite } from '../suite.js';
import { beginLife, CONTEXT, type Life } from './lives-fixture.js';

const test = suite('backup');

async function withLife(body: (life: Life, folder: string) => Promise<void>): Promise<void> {
  const folder = mkdtempSync(path.join(tmpdir(), 'simplekv-backup-'));
  const life = await beginLife(folder);
  try {
    await body(life, folder);
  } finally {
    await life.lives.close();
    rmSync(folder, { recursive: true });
  }
}

async function readBackup(backup: Backup, folder: string, meanwhile?: () => Promise<void>): Promise<OpenedBackup> {
  const pieces: Buffer[] = [];
  for await (const piece of backup.pieces()) {
    pieces.push(Buffer.from(piece));
    await meanwhile?.();
  }
  backup.release();
  const file = path.join(folder, 'b.tar');
  writeFileSync(file, Buffer.concat(pieces));
  return await openBackup(new NodeDisk(), file);
}

async function faultsIn(backup: OpenedBackup, folder: string): Promise<string[]> {
  const scratchFolder = path.join(folder, 'scratch');
  mkdirSync(scratchFolder, { recursive: true });
  const faults: string[] = [];
  for await (const { project, findings } of verifyBackup(backup, { scratchFolder })) {
    faults.push(...findings.map((finding) => `${project}: ${JSON.stringify(finding)}`));
  }
  return faults;
}

async function fill({ lives }: Life, id: string, count: number): Promise<void> {
  for (let number = 0; number < count; number += 1) {
    await lives.store(id).submit({ type: 'set', key: `k${number}`, value: JSON.stringify('x'.repeat(500)) }, CONTEXT);
  }
}

const SMALL = { segment_bytes: 4096, compaction: { interval_seconds: 0 } } as const;

test('a backup of all projects holds those on disk, names the others and verifies', () => withLife(async (life, folder) => {
  const { lives } = life;
  await lives.create({ id: 'a', storage: SMALL }, CONTEXT);
  await lives.create({ id: 'b', storage: SMALL }, CONTEXT);
  await lives.create({ id: 'memory', storage: { on_disk: false } }, CONTEXT);
  await fill(life, 'a', 30);
  await lives.compact('a', CONTEXT);
  const seqs = ['a', 'b'].map((id) => lives.store(id).seq);
  const backup = await lives.backup(undefined, CONTEXT);
  const opened = await readBackup(backup, folder, () => fill(life, 'a', 3));
  const { manifest } = opened;
  assert.equal(manifest.is_whole, true);
  assert.deepEqual(manifest.skipped, [{ id: 'memory', reason: 'not_on_disk' }]);
  const stated = manifest.projects.filter(({ id }) => ['a', 'b'].includes(id));
  assert.deepEqual(stated.map(({ id, last_seq: seq }) => [id, seq]), [['a', seqs[0]], ['b', seqs[1]]]);
  assert.deepEqual(await faultsIn(opened, folder), []);
  const names = manifest.files.map(({ name }) => name);
  assert.ok(names.includes('_server.jsonl') && names.every((name) => !name.startsWith('config')), names.join(' '));
}));

test('a project that changes its place during a backup does not spoil what was fixed before', () => withLife(async (life, folder) => {
  const { lives } = life;
  for (const id of ['a', 'b', 'c']) await lives.create({ id, storage: SMALL }, CONTEXT);
  await fill(life, 'b', 20);
  const fixing = lives.backup(undefined, CONTEXT);
  // They wait for their turn.
  const created = lives.create({ id: 'late' }, CONTEXT);
  const backup = await fixing;
  await created;
  const opened = await readBackup(backup, folder);
  assert.ok(!opened.manifest.projects.some(({ id }) => id === 'late'));
  assert.deepEqual(await faultsIn(opened, folder), []);
  const second = await lives.backup('b', CONTEXT);
  await lives.delete('b', CONTEXT);
  await assert.rejects(readBackup(second, folder), { code: 'ENOENT' });
}));

test('one project can be backed up, with a registry that knows it alone', () => withLife(async (life, folder) => {
  const { lives } = life;
  await lives.create({ id: 'a', storage: SMALL }, CONTEXT);
  await lives.create({ id: 'memory', storage: { on_disk: false } }, CONTEXT);
  await fill(life, 'a', 10);
  const opened = await readBackup(await lives.backup('a', CONTEXT), folder);
  assert.deepEqual([opened.manifest.is_whole, opened.manifest.projects.map(({ id }) => id)], [false, ['a']]);
  assert.deepEqual(await faultsIn(opened, folder), []);
  await assert.rejects(lives.backup('memory', CONTEXT), { code: 'not_on_disk' });
  await assert.rejects(lives.backup('none', CONTEXT), { code: 'project_not_found' });
  const refused = { ...CONTEXT, assertAllowed: () => { throw new Error('ended'); } };
  await assert.rejects(lives.backup('a', refused), /ended/);
}));

test('lines whose answers did not wait for the disk are on it before they are copied', () => withLife(async (life, folder) => {
  const { lives } = life;
  await lives.create({ id: 'a', storage: { ...SMALL, durability: 'os' } }, CONTEXT);
  await fill(life, 'a', 10);
  const { seq } = lives.store('a');
  const opened = await readBackup(await lives.backup('a', CONTEXT), folder);
  assert.equal(opened.manifest.projects[0]?.last_seq, seq);
  assert.deepEqual(await faultsIn(opened, folder), []);
}));

test('retention leaves what a backup is about to read, and removes it once that was given back', () => withLife(async (life, folder) => {
  const { lives } = life;
  const retention = { max_age_seconds: null, max_bytes: 0, compress: 'none' } as const;
  await lives.create({ id: 'a', storage: { ...SMALL, retention } }, CONTEXT);
  await fill(life, 'a', 30);
  await lives.compact('a', CONTEXT);
  const [backup, unread] = [await lives.backup('a', CONTEXT), await lives.backup(undefined, CONTEXT)];
  const first = path.join(folder, 'data', 'a', '00000000000000000001.jsonl');
  const compactAgain = async (): Promise<boolean> => {
    for (let round = 0; round < 2; round += 1) {
      await fill(life, 'a', 10);
      await lives.compact('a', CONTEXT);
    }
    return existsSync(first);
  };
  assert.equal(await compactAgain(), true);
  const opened = await readBackup(backup, folder);
  assert.deepEqual(await faultsIn(opened, folder), []);
  assert.equal(await compactAgain(), true, 'the other backup still has it');
  unread.release();
  assert.equal(await compactAgain(), false);
}));

test('logs are synced before their files are looked at, and given back where that fails', async () => {
  const done: string[] = [];
  const plan = { timeMs: 7, registry: undefined, projects: [], skipped: [] };
  const leaseThat = (sync: () => Promise<void>): ProjectLease => ({ fix: assert.fail, sync, release: () => void done.push('released') });
  const make: BackupMaker = async (made) => {
    done.push('made');
    assert.equal(made, plan);
    return await Promise.resolve({ sizeBytes: 1, pieces: async function* () { yield await Promise.resolve(Buffer.alloc(1)); } });
  };
  const synced = leaseThat(async () => void (await Promise.resolve(), done.push('synced')));
  const { timeMs, sizeBytes, release } = await prepareBackup({ plan, leases: [synced, synced] }, make);
  assert.deepEqual([timeMs, sizeBytes, done.splice(0)], [7, 1, ['synced', 'synced', 'made']]);
  release();
  assert.deepEqual(done.splice(0), ['released', 'released']);
  const failing = leaseThat(() => Promise.reject(new Error('no sync')));
  await assert.rejects(prepareBackup({ plan, leases: [synced, failing] }, make), /no sync/);
  assert.deepEqual(done, ['synced', 'released', 'released']);
});

test.run();
