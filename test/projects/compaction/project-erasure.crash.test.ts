/** Erasing values on a disk that fails: a crash at any call, errors at any call, a disk that fills up. A later start or attempt goes on. */
import assert from 'node:assert/strict';
import type { StorageChange } from '../../../src/events/project-settings.js';
import { CHANGING_METHODS, type DiskCall, type FaultAction } from '../../disk/fault-disk.js';
import type { CrashLoss } from '../../disk/disk-tree.js';
import { suite } from '../../suite.js';
import { sampled } from '../../test-form.js';
import { type CompactedProject, contentOf, openCompacted } from '../compacted-project.js';
import { assertErased, assertSound, filesWith, openWithSecrets, redact, SECRET } from './erasing-project.js';

const test = suite('ProjectErasure on a failing disk');

/** Under `interval`, nothing but the redaction itself syncs its line. */
const GZIP: StorageChange = {
  durability: 'interval', sync_interval_ms: 60_000, retention: { max_age_seconds: null, max_bytes: null, compress: 'gzip' },
};

/** The short form takes one call in so many. */
const EVERY = 4;

/** Numbers of calls that a redaction makes and that change the disk, counted from its beginning. */
async function callsOfRedaction(storage: StorageChange): Promise<readonly number[]> {
  const project = await openWithSecrets(storage);
  const before = project.disk.calls.length;
  await redact(project);
  const isChanging = ({ method }: DiskCall): boolean => CHANGING_METHODS.includes(method);
  const numbers = project.disk.calls.slice(before).filter(isChanging).map(({ number }) => number - before);
  await project.close();
  return sampled(numbers, EVERY);
}

/** Goes on with a redaction if it was recorded, or else makes it. */
async function finish(project: CompactedProject, wanted: string, place: string): Promise<void> {
  const isRecorded = project.store.redactions.newest !== undefined;
  if (project.compaction.isErasing) {
    assert.ok(isRecorded && project.compaction.isOverdue && project.compaction.isDue, place);
    await project.compact();
  } else if (!isRecorded) {
    assert.ok(filesWith(project.disk, SECRET).length > 0, place);
    await redact(project);
  }
  await assertErased(project);
  assert.equal(await contentOf(project.store), wanted, place);
}

for (const [how, loss, form, storage] of [
  ['killed', { content: 'cached', size: 'cached', names: 'cached' }, 'plain', {}],
  ['cut off from power', { content: 'synced', size: 'synced', names: 'synced' }, 'compressed', GZIP],
] as const satisfies readonly (readonly [string, CrashLoss, string, StorageChange])[]) {
  test(`a server that is ${how} after any change of a redaction of ${form} segments goes on at the next start`, async () => {
    for (const nth of await callsOfRedaction(storage)) {
      const project = await openWithSecrets(storage);
      const wanted = await contentOf(project.store);
      project.disk.fail({ number: project.disk.calls.length + nth, action: { kind: 'kill', when: 'after' } });
      await redact(project).catch(() => undefined);
      assert.ok(project.disk.isKilled);
      const last = project.disk.calls.at(-1);
      const place = `call ${nth}: ${last?.method} ${last?.path}`;
      const disk = project.disk.crash(loss);
      const again = await openCompacted({ disk });
      assert.equal(await contentOf(again.store), wanted, place);
      assert.deepEqual(again.logged.filter(({ level }) => level === 'error'), [], place);
      await assertSound(disk);
      await finish(again, wanted, place);
      await again.close();
      await project.close().catch(() => undefined);
    }
  });
}

for (const [what, action] of [
  ['fails', { kind: 'errno', code: 'EIO' }], ['is full', { kind: 'errno', code: 'ENOSPC' }],
] as const satisfies readonly (readonly [string, FaultAction])[]) {
  test(`a disk that ${what} once at any call of a redaction costs no value, and the rest is erased later`, async () => {
    for (const nth of await callsOfRedaction({})) {
      const project = await openWithSecrets();
      const wanted = await contentOf(project.store);
      project.disk.fail({ number: project.disk.calls.length + nth, action });
      const place = `call ${nth}`;
      const outcome = await redact(project).then(() => 'done', (error: unknown) => error);
      assert.equal(await contentOf(project.store), wanted, place);
      if (outcome === 'done') await assertErased(project);
      else if (project.store.redactions.newest !== undefined) {
        assert.equal(Reflect.get(Reflect.get(outcome as object, 'facts') as object, 'applied'), true, place);
        assert.ok(project.compaction.isErasing, place);
      }
      const again = await openCompacted({ disk: project.disk.crash() });
      await finish(again, wanted, place);
      await again.close();
      await project.close().catch(() => undefined);
    }
  });
}

test('on a full disk a redaction is refused or goes on when there is room, and writes go on', async () => {
  for (const roomBytes of [0, 300, 1500, 5000, 8000, 12_000]) {
    const project = await openWithSecrets();
    const wanted = await contentOf(project.store);
    project.disk.roomBytes = roomBytes;
    const error = await redact(project).then(() => undefined, (found: unknown) => found);
    if (error !== undefined) assert.equal(Reflect.get(error as object, 'code'), 'disk_full', `${roomBytes}`);
    project.disk.roomBytes = Number.POSITIVE_INFINITY;
    const again = await openCompacted({ disk: project.disk.crash() });
    await finish(again, wanted, `${roomBytes}`);
    await again.fill(9, 9);
    await again.close();
    await project.close().catch(() => undefined);
  }
});

test.run();
