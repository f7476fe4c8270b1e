import assert from 'node:assert/strict';
import { suite } from '../../suite.js';
import type { RecordedLogs } from '../../../src/log/log-home.js';
import { type FaultDisk } from '../../disk/fault-disk.js';
import {
  ACTIVE, createLog, diskWith, drafts, emptyDisk, HOME, homeOn, LOG_ID, openLog, OPTIONS, PROJECT, recordingLogger, SMALL_SEGMENTS,
} from './log-fixture.js';

const test = suite('FileHome');
const OTHER_ID = 'e'.repeat(32);
const GRAVE = `${HOME}/_trash/${LOG_ID}`;

/** Waits for the erasing in the background. */
async function removed(disk: FaultDisk, work: (home: ReturnType<typeof homeOn>) => Promise<unknown>): Promise<string[]> {
  const home = homeOn(disk);
  await work(home);
  await home.close();
  return [...disk.contents().keys()];
}

/** What a registry records about deleted and live logs. */
function recorded(deleted: readonly (readonly [string, string])[], live: readonly (readonly [string, string])[] = []): RecordedLogs {
  return { deleted: new Map(deleted), live: new Map(live) };
}

test('a missing log is not opened, and has no id and no names', async () => {
  const home = homeOn(emptyDisk());
  assert.equal(await home.open(PROJECT, { ...OPTIONS, replay: () => undefined }), undefined);
  assert.equal(await home.identify(PROJECT), undefined);
  assert.deepEqual(await home.namesOf(PROJECT), []);
});

test('a new log is durable when its creation resolves, and lists its files', async () => {
  const disk = emptyDisk();
  const log = await createLog(disk);
  const survivor = disk.crash({ content: 'synced', size: 'synced', names: 'synced' });
  assert.equal((await openLog(survivor)).log.position().seq, 0);
  assert.equal(await homeOn(survivor).identify(PROJECT), LOG_ID);
  assert.deepEqual(await homeOn(disk).namesOf(PROJECT), ['p1.jsonl', 'p1/head']);
  await log.close();
});

test('a log is never created over files of its name', async () => {
  const kinds: readonly ((disk: FaultDisk) => void)[] = [
    (disk) => disk.put(ACTIVE, 'anything'),
    (disk) => disk.put(`${HOME}/${PROJECT}.json`, '{}'),
    (disk) => {
      disk.tree.makeFolder(`${HOME}/${PROJECT}`);
      disk.put(`${HOME}/${PROJECT}/00000000000000000001.jsonl`, 'x');
    },
  ];
  for (const make of kinds) {
    const disk = emptyDisk();
    make(disk);
    const before = disk.contents();
    await assert.rejects(createLog(disk), { code: 'project_files_exist' });
    assert.deepEqual(disk.contents(), before);
  }
});

test('a head that proves lines keeps a name taken, although the active segment is gone', async () => {
  const disk = await diskWith([2]);
  disk.tree.remove(ACTIVE);
  assert.deepEqual(await homeOn(disk).namesOf(PROJECT), ['p1/head']);
  await assert.rejects(createLog(disk), { code: 'project_files_exist' });
});

test('a full disk refuses a creation and leaves the name free', async () => {
  for (const action of [{ kind: 'errno', code: 'ENOSPC' }, { kind: 'short', bytes: 5 }] as const) {
    const disk = emptyDisk();
    disk.fail({ method: 'append', path: 'next', action });
    await assert.rejects(createLog(disk), { code: 'disk_full' });
    assert.deepEqual(await homeOn(disk).namesOf(PROJECT), []);
    await (await createLog(disk)).close();
    assert.deepEqual(disk.openPaths, []);
  }
  const disk = emptyDisk();
  disk.fail({ method: 'append', path: 'next', action: { kind: 'errno', code: 'EIO' } });
  await assert.rejects(createLog(disk), { code: 'EIO' });
});

test('removing frees the name at once and leaves nothing', async () => {
  const disk = await diskWith([1, 1, 1], SMALL_SEGMENTS);
  disk.put(`${HOME}/${PROJECT}.json`, '{}');
  const home = homeOn(disk);
  await home.remove(PROJECT, LOG_ID);
  assert.deepEqual(await home.namesOf(PROJECT), []);
  await (await home.create(PROJECT, { ...OPTIONS, logId: OTHER_ID })).close();
  await home.close();
  assert.deepEqual([...disk.contents().keys()].sort(), [ACTIVE, `${HOME}/${PROJECT}/head`].sort());
});

test('removing leaves the files of another log alone, and removes damaged ones', async () => {
  const other = await diskWith([1]);
  assert.ok((await removed(other, (home) => home.remove(PROJECT, OTHER_ID))).includes(ACTIVE));
  for (const damage of [(disk: FaultDisk) => disk.put(ACTIVE, 'x'), (disk: FaultDisk) => disk.tree.remove(ACTIVE)]) {
    const disk = await diskWith([1, 1, 1], SMALL_SEGMENTS);
    damage(disk);
    assert.deepEqual(await removed(disk, (home) => home.remove(PROJECT, LOG_ID)), []);
  }
});

test('a removal killed at any call is completed by the next startup', async () => {
  const start = await diskWith([1, 1, 1], SMALL_SEGMENTS);
  start.put(`${HOME}/${PROJECT}.json`, '{}');
  const whole = start.crash();
  await removed(whole, (home) => home.remove(PROJECT, LOG_ID));
  for (const { number, method } of whole.calls) {
    for (const when of ['before', 'after'] as const) {
      const disk = start.crash();
      disk.fail({ number, action: { kind: 'kill', when } });
      await removed(disk, (home) => home.remove(PROJECT, LOG_ID)).catch(() => undefined);
      for (const kept of ['cached', 'synced'] as const) {
        const next = disk.crash({ content: kept, size: kept, names: kept });
        const names = await removed(next, (home) => home.finishRemovals(recorded([[LOG_ID, PROJECT]])));
        assert.deepEqual(names, [], `${number} ${method} ${when} ${kept}`);
        assert.deepEqual(await homeOn(next).namesOf(PROJECT), []);
      }
    }
  }
});

test('files of one deleted log that cannot be moved are reported, and those of the others are removed', async () => {
  const other = 'p2';
  const disk = await diskWith([1, 1]);
  const home = homeOn(disk);
  await (await home.create(other, { ...OPTIONS, logId: OTHER_ID })).close();
  const before = disk.contents();
  disk.fail({ method: 'rename', path: PROJECT, times: Infinity, action: { kind: 'errno', code: 'EPERM' } });
  const unmoved = await home.finishRemovals(recorded([[LOG_ID, PROJECT], [OTHER_ID, other]]));
  await home.close();
  assert.deepEqual(unmoved.map(({ project, logId, error }) => [project, logId, error.code]), [[PROJECT, LOG_ID, 'EPERM']]);
  assert.deepEqual([...disk.contents()], [...before].filter(([name]) => !name.includes(other)));
  assert.deepEqual(await removed(disk.crash(), (next) => next.finishRemovals(recorded([[LOG_ID, PROJECT], [OTHER_ID, other]]))), []);
});

test('a trash that cannot be listed does not fail the startup', async () => {
  const disk = await diskWith([1]);
  disk.fail({ method: 'list', path: /_trash$/, times: Infinity, action: { kind: 'errno', code: 'EACCES' } });
  const { logger, lines } = recordingLogger();
  assert.deepEqual(await homeOn(disk, { logger }).finishRemovals(recorded([])), []);
  assert.ok(lines.some((line) => JSON.stringify(line).includes('could not be erased; the next startup tries again')));
});

test('a later log under the name of a deleted one is never erased with it, however damaged', async () => {
  const damages: readonly ((disk: FaultDisk) => void)[] = [
    () => undefined, (disk) => disk.put(ACTIVE, 'damaged'), (disk) => disk.tree.remove(ACTIVE),
  ];
  const stops = [{ method: 'unlink', path: /_trash/ }, { method: 'rename', path: GRAVE }] as const;
  for (const [damage, stop] of damages.flatMap((one) => stops.map((two) => [one, two] as const))) {
    const disk = emptyDisk();
    const home = homeOn(disk);
    await (await createLog(disk)).close();
    disk.fail({ ...stop, action: { kind: 'errno', code: 'EIO' } });
    await home.remove(PROJECT, LOG_ID);
    await home.close();
    const log = await home.create(PROJECT, { ...SMALL_SEGMENTS, logId: OTHER_ID });
    for (let seq = 0; seq < 4; seq += 1) await log.append(drafts(seq + 1, seq + 1), seq);
    await log.close();
    damage(disk);
    const before = [...disk.contents()].filter(([name]) => !name.includes('_trash'));
    assert.ok(before.length >= 2);
    await removed(disk, (next) => next.finishRemovals(recorded([[LOG_ID, PROJECT]])));
    assert.deepEqual([...disk.contents()], before);
  }
});

test('nothing under the name of a live log is erased, whatever it is', async () => {
  const damages: readonly ((disk: FaultDisk) => void)[] = [
    () => undefined, (disk) => disk.put(ACTIVE, 'damaged'), (disk) => disk.tree.remove(ACTIVE),
    // As with a restored copy that has the old header, or an emptied folder in the trash.
    (disk) => disk.tree.makeFolder(GRAVE), (disk) => {
      disk.tree.makeFolder(GRAVE);
      disk.put(ACTIVE, 'damaged');
      disk.tree.remove(`${HOME}/${PROJECT}/head`);
    },
  ];
  for (const damage of damages) {
    const disk = await diskWith([1, 1, 1], SMALL_SEGMENTS);
    damage(disk);
    const before = disk.contents();
    for (const live of [LOG_ID, OTHER_ID]) {
      await removed(disk, (home) => home.finishRemovals(recorded([[LOG_ID, PROJECT]], [[PROJECT, live]])));
      assert.deepEqual(disk.contents(), before);
    }
  }
});

test('without proof of its log, no file counts as one of a deleted log, also if its folder in the trash is empty',
  async () => {
  const disk = await diskWith([1, 1, 1], SMALL_SEGMENTS);
  disk.tree.makeFolder(GRAVE);
  disk.put(ACTIVE, 'damaged');
  disk.tree.remove(`${HOME}/${PROJECT}/head`);
  const before = disk.contents();
  await removed(disk, (home) => home.finishRemovals(recorded([[LOG_ID, PROJECT]])));
  assert.deepEqual(disk.contents(), before);
});

test('the files of a live log are not erased from the trash, and what no deletion put there is named', async () => {
  const disk = await diskWith([1]);
  await removed(disk, async (home) => {
    disk.fail({ method: 'unlink', path: /_trash/, times: Infinity, action: { kind: 'errno', code: 'EIO' } });
    await home.remove(PROJECT, LOG_ID);
  });
  const next = disk.crash();
  next.tree.makeFolder(`${HOME}/_trash/mine`);
  next.put(`${HOME}/_trash/mine/important.txt`, 'important');
  next.put(`${GRAVE}.erasing/segments/important.txt`, 'important');
  const before = next.contents();
  const { logger, lines } = recordingLogger();
  const home = homeOn(next, { logger });
  await home.finishRemovals(recorded([], [['q', LOG_ID]]));
  await home.close();
  assert.deepEqual(next.contents(), before);
  assert.ok(lines.some((line) => JSON.stringify(line).includes(`"files":["_trash/mine","_trash/${LOG_ID}"]`)));
  const again = homeOn(next, { logger });
  await again.finishRemovals(recorded([]));
  await again.close();
  const kept = [`${GRAVE}.erasing/segments/important.txt`, `${HOME}/_trash/mine/important.txt`];
  assert.deepEqual([...next.contents().keys()].sort(), kept.sort());
  assert.ok(lines.some((line) => JSON.stringify(line).includes(`"files":["_trash/${LOG_ID}.erasing/segments/important.txt"]`)));
});

test('an undone creation leaves nothing of its own and removes nothing of another log', async () => {
  const own = emptyDisk();
  own.fail({ method: 'link', path: 'next', action: { kind: 'errno', code: 'EIO' } });
  await assert.rejects(createLog(own), { code: 'EIO' });
  await removed(own, (home) => home.discard(PROJECT, LOG_ID));
  assert.deepEqual([...own.contents().keys()], []);
  assert.equal(await own.status(`${HOME}/${PROJECT}`), undefined);
  const made = emptyDisk();
  await (await createLog(made)).close();
  assert.deepEqual(await removed(made, (home) => home.discard(PROJECT, LOG_ID)), []);
  for (const spoil of [() => undefined, (disk: FaultDisk) => disk.put(ACTIVE, 'x'), (disk: FaultDisk) => disk.tree.remove(ACTIVE)]) {
    const disk = await diskWith([1, 1]);
    spoil(disk);
    const before = disk.contents();
    await removed(disk, (home) => home.discard(PROJECT, OTHER_ID));
    assert.deepEqual(disk.contents(), before);
  }
});

test('a new log replaces the remains of an interrupted creation, and nothing else', async () => {
  const disk = emptyDisk();
  disk.tree.makeFolder(`${HOME}/${PROJECT}`);
  disk.put(`${HOME}/${PROJECT}/snap-of-our-holidays.jpg`, 'important');
  await assert.rejects(createLog(disk), { code: 'project_files_exist' });
  assert.equal(disk.bytesOf(`${HOME}/${PROJECT}/snap-of-our-holidays.jpg`).toString(), 'important');
});

test('a failed erasing is logged, and retried by the next startup', async () => {
  const disk = await diskWith([1]);
  const { logger, lines } = recordingLogger();
  const home = homeOn(disk, { logger });
  disk.fail({ method: 'unlink', path: /_trash/, action: { kind: 'errno', code: 'EIO' } });
  await home.remove(PROJECT, LOG_ID);
  await home.close();
  assert.ok(lines.some(({ level, msg }) => level === 'warn' && msg.includes('could not be erased')));
  assert.ok([...disk.contents().keys()].every((name) => name.startsWith(`${GRAVE}.erasing/`)));
  assert.deepEqual(await removed(disk, (next) => next.finishRemovals(recorded([]))), []);
});

test.run();
