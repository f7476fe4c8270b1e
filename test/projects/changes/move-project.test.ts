/** Moving live projects between memory and disk: every way, under load, on disks that fail at any call, and after a restart. */
import assert from 'node:assert/strict';
import { mkdir, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { setImmediate as nextTurn } from 'node:timers/promises';
import { AppError } from '../../../src/base/app-error.js';
import type { ConfigDocument } from '../../../src/config/config-document.js';
import { NodeDisk } from '../../../src/disk/node-disk.js';
import type { StorageChange } from '../../../src/events/project-settings.js';
import { FileHome } from '../../../src/log/file/file-home.js';
import type { LogHome } from '../../../src/log/log-home.js';
import type { SnapshotFolder } from '../../../src/projections/snapshot/snapshot-folder.js';
import { openProject } from '../../../src/projects/open-project.js';
import { inFolder } from '../../config/config-folder.js';
import { faultyConfigDisk } from '../../config/faulty-config-disk.js';
import { suite } from '../../suite.js';
import { contentOf, everythingOf } from '../compacted-project.js';
import { HomeFaults } from '../faulty-home.js';
import {
  beginLife, CONTEXT, entryOf, type Life, type LifeOptions, refusalOf, scopeOfKey, setValue, snapshotFolders, valuesOf,
} from '../lives-fixture.js';
import { readKey } from '../../store/read-key.js';

const test = suite('move-project');

const P = 'first_project';
const MEMORY: StorageChange = { on_disk: false };
const HOT: StorageChange = { on_disk: true, cache_in_memory: true };
const COLD: StorageChange = { on_disk: true, cache_in_memory: false };
const OUTCOME_UNKNOWN = new AppError('outcome_unknown', 'Cannot say whether the line was appended');
const DISK_FULL = new AppError('disk_full', 'Cannot append to the log: the disk is full');

async function withLife(body: (life: Life, folder: string) => Promise<void>, options: LifeOptions = {}): Promise<void> {
  await inFolder(async (folder) => {
    const life = await beginLife(folder, options);
    try {
      await body(life, folder);
    } finally {
      await life.lives.close();
    }
  });
}

async function switchTo({ lives }: Life, storage: StorageChange): Promise<void> {
  await lives.update(P, { storage }, CONTEXT);
}

/** The entry of a project that never had a key. */
async function forgetKey(folder: string): Promise<void> {
  const file = path.join(folder, 'config.json');
  const document = JSON.parse(await readFile(file, 'utf8')) as ConfigDocument;
  const projects = document.projects.map((entry) => ({ ...entry, authentication: { ...entry.authentication, api_key_hash: null } }));
  await writeFile(file, JSON.stringify({ ...document, projects }));
}

async function giveValues(life: Life, count: number): Promise<void> {
  for (let first = 0; first < count; first += 500) {
    const numbers = Array.from({ length: Math.min(500, count - first) }, (_, index) => first + index);
    await Promise.all(numbers.map((number) => setValue(life, P, [`k${number}`, JSON.stringify(`value ${number} `.repeat(20))])));
  }
}

const SETTLE_LIMIT_MS = 60_000;

/** Waits until every value is where the settings want it. */
async function settle({ lives }: Life): Promise<void> {
  const store = lives.store(P);
  const isSettled = (): boolean => {
    const { on_disk: onDisk, cache_in_memory: inMemory } = store.settings.storage;
    return store.values.placedCount === (onDisk && !inMemory ? store.values.count : 0);
  };
  // Turns of the event loop are no measure: many pass while a busy disk syncs.
  const deadlineMs = Date.now() + SETTLE_LIMIT_MS;
  while (!isSettled()) {
    assert.ok(Date.now() < deadlineMs, `${store.values.placedCount} of ${store.values.count} values are on disk`);
    await nextTurn();
  }
}

test('every way from one storage to another keeps values, versions and times, and the entry follows', () => withLife(async (life) => {
  await giveValues(life, 30);
  const content = await contentOf(life.lives.store(P));
  const ways = [COLD, HOT, COLD, MEMORY, COLD, MEMORY, HOT, MEMORY, HOT, COLD];
  const logIds = new Set<string | null>();
  for (const [index, storage] of ways.entries()) {
    const before = life.lives.details(P);
    await switchTo(life, storage);
    const after = life.lives.details(P);
    await settle(life);
    assert.equal(await contentOf(life.lives.store(P)), content, `switch ${index}`);
    assert.ok(after.seq > before.seq, 'each switch is an event');
    const isMoved = before.storage.on_disk !== after.storage.on_disk;
    assert.equal(after.log_id !== before.log_id, isMoved, `switch ${index}`);
    const entry = entryOf(life.config.document, P);
    assert.deepEqual([entry.storage?.on_disk ?? true, entry.revision !== undefined], [storage.on_disk, storage.on_disk]);
    assert.deepEqual({ ...after.storage, ...storage }, after.storage);
    logIds.add(after.log_id);
    await setValue(life, P, ['extra', String(index)]);
    await life.lives.store(P).submit({ type: 'delete', key: 'extra' }, CONTEXT);
  }
  assert.equal(logIds.size, 7);
}));

test('what came to the disk is there after a restart, hot and cold, with the same bytes, versions and times',
  () => inFolder(async (folder) => {
  const first = await beginLife(folder);
  await switchTo(first, MEMORY);
  await giveValues(first, 30);
  for (const storage of [HOT, COLD]) {
    const life = storage === HOT ? first : await beginLife(folder);
    if (storage === COLD) await switchTo(life, MEMORY);
    await switchTo(life, storage);
    await setValue(life, P, ['after', '1']);
    await settle(life);
    const everything = await everythingOf(life.lives.store(P));
    await life.lives.close();
    for (let start = 1; start <= 2; start += 1) {
      const again = await beginLife(folder);
      assert.equal(await everythingOf(again.lives.store(P)), everything, `start ${start}`);
      assert.deepEqual(again.logged.filter(({ level }) => level === 'error' || level === 'warn'), []);
      await again.lives.close();
    }
  }
}));

test('files of a project that left the disk are kept under its log id, and are sound', () => inFolder(async (folder) => {
  const life = await beginLife(folder);
  await giveValues(life, 5);
  const logId = life.lives.details(P).log_id ?? '';
  const everything = await contentOf(life.lives.store(P));
  await switchTo(life, MEMORY);
  await life.lives.close();
  const left = path.join(folder, 'data', '_left', `${P}-${logId}`);
  const { resources } = life;
  assert.deepEqual(await resources.diskHome.namesOf(P), []);
  const disk = new NodeDisk();
  const opened = await openProject(P, {
    ...resources, home: new FileHome({ folder: left, disk, logger: resources.logger }), snapshots: snapshotFolders(disk, left)(P),
    settings: life.lives.store(P).settings, expectedLogId: logId,
  });
  const store = opened?.store ?? assert.fail('the log is there');
  const found = store.values.keys({}, 100).map((key) => [key, store.values.get(key)]);
  assert.equal(JSON.stringify([store.createdAtMs, found]), everything);
  await store.close();
}));

test('a project that moves to disk with cache_in_memory off releases its values from memory', () => withLife(async (life) => {
  await switchTo(life, { on_disk: false, cache_in_memory: false, compaction: { interval_seconds: 0 } });
  await giveValues(life, 10);
  await switchTo(life, { on_disk: true });
  await settle(life);
  assert.equal(life.lives.store(P).values.placedCount, 10);
}));

test('a project that moved to disk has the snapshot that it goes on from', () => withLife(async (life) => {
  await switchTo(life, MEMORY);
  await giveValues(life, 20);
  const store = life.lives.store(P);
  for (const storage of [HOT, MEMORY, COLD]) {
    const { seq } = store;
    await switchTo(life, storage);
    assert.equal(store.snapshot?.seq, storage === MEMORY ? undefined : seq);
    if (storage !== MEMORY) assert.ok(store.changedBytes < 2000, `only the move has come after it, not ${store.changedBytes} bytes`);
  }
}));

test('quick moves between memory and disk lose no value and leave none behind', () => withLife(async (life) => {
  await giveValues(life, 3000);
  const content = await contentOf(life.lives.store(P));
  for (let round = 0; round < 6; round += 1) {
    await switchTo(life, COLD);
    if (round % 2 === 0) await settle(life);
    await switchTo(life, HOT);
    await nextTurn();
  }
  await settle(life);
  assert.equal(await contentOf(life.lives.store(P)), content);
  assert.deepEqual(life.logged.filter(({ level }) => level === 'error'), []);
}));

test('in four switches while 16 write and others read, no read fails, nothing is lost, no version goes back, listings are complete',
  () => withLife(async (life) => {
  await giveValues(life, 200);
  const store = life.lives.store(P);
  let isOver = false;
  const last = new Map<string, { readonly seq: number; readonly value: string }>();
  const writers = Array.from({ length: 16 }, async (_, writer) => {
    for (let number = 0; !isOver; number += 1) {
      const [key, value] = [`w${writer}/${number % 5}`, JSON.stringify(`${writer} wrote ${number}`)];
      const { seq } = await store.submit({ type: 'set', key, value }, CONTEXT);
      assert.ok(seq > (last.get(key)?.seq ?? 0), 'versions go up');
      last.set(key, { seq, value });
      const found = await readKey(store, key);
      assert.deepEqual([found?.seq, found?.value], [seq, value]);
    }
  });
  let listings = 0;
  const readers = Array.from({ length: 4 }, async () => {
    const seen = new Map<string, number>();
    for (; !isOver; listings += 1) {
      const keys: string[] = [];
      for (let after: string | undefined; ;) {
        const { entries, isLast } = await store.reads.readPiece(after === undefined ? {} : { after }, 50);
        for (const [key, { seq, value }] of entries) {
          assert.ok(seq >= (seen.get(key) ?? 0), `${key} goes back`);
          assert.ok(value.length > 1);
          seen.set(key, seq);
          keys.push(key);
        }
        after = entries.at(-1)?.[0];
        if (isLast) break;
        await nextTurn();
      }
      assert.equal(keys.filter((key) => key.startsWith('k')).length, 200);
      assert.deepEqual(keys, [...new Set(keys)].sort());
      await nextTurn();
    }
  });
  try {
    for (const storage of [MEMORY, COLD, HOT, MEMORY, HOT, COLD]) {
      await switchTo(life, storage);
      for (let turn = 0; turn < 50; turn += 1) await nextTurn();
      if (storage.on_disk === true) await life.lives.compact(P, CONTEXT);
    }
  } finally {
    isOver = true;
  }
  await Promise.all([...writers, ...readers]);
  assert.ok(listings > 4);
  for (const [key, { seq, value }] of last) {
    const entry = await readKey(store, key);
    assert.deepEqual([entry?.seq, entry?.value], [seq, value]);
  }
}));

test('an unrecorded move to memory can be reverted, and the project stays on disk', () => inFolder(async (folder) => {
  const home = new HomeFaults();
  const life = await beginLife(folder, { wrapHome: (real) => home.over(real) });
  await giveValues(life, 3);
  home.appends.set('_server', { error: DISK_FULL });
  const refusal = await refusalOf(life.lives.update(P, { storage: MEMORY }, CONTEXT));
  assert.deepEqual([refusal.code, refusal.facts['applied']], ['disk_full', true]);
  await setValue(life, P, ['k0', '"later"']);
  home.appends.clear();
  await switchTo(life, HOT);
  assert.deepEqual([life.lives.details(P).storage.on_disk, life.lives.store(P).isOnDisk], [true, true]);
  const everything = await everythingOf(life.lives.store(P));
  await life.lives.close();
  const again = await beginLife(folder);
  assert.equal(await everythingOf(again.lives.store(P)), everything);
  await again.lives.close();
}));

for (const [what, begin] of [
  ['the leave cannot be recorded', (home, options) => {
    home.appends.set('_server', { error: DISK_FULL });
    return options;
  }],
  ['a defect strikes while it is recorded', (home, options) => {
    home.appends.set('_server', { error: new TypeError('made to fail') });
    return options;
  }],
  ['the configuration cannot be written in the end', (home) => {
    const { disk, setFault } = faultyConfigDisk();
    const spoil = async (real: LogHome, ...of: Parameters<LogHome['leave']>): Promise<void> => {
      setFault({ step: 'rename', code: 'EBUSY' });
      await real.leave(...of);
    };
    return { configDisk: disk, wrapHome: (real) => ({ ...home.over(real), leave: (...of) => spoil(real, ...of) }) };
  }],
] as const satisfies readonly (readonly [string, (home: HomeFaults, options: LifeOptions) => LifeOptions])[]) {
  test(`a key that is made on the way to memory is not kept back in silence when ${what}`, () => inFolder(async (folder) => {
    const home = new HomeFaults();
    const first = await beginLife(folder);
    await first.lives.update(P, { authentication: { enabled: false } }, CONTEXT);
    await first.lives.close();
    await forgetKey(folder);
    const life = await beginLife(folder, begin(home, { wrapHome: (real) => home.over(real) }));
    const refusal = await refusalOf(life.lives.update(P, { storage: MEMORY, authentication: { enabled: true } }, CONTEXT));
    assert.deepEqual([refusal.facts['applied'], refusal.facts['key_lost']], [true, true]);
    assert.match(refusal.message, /is in force but was not returned: regenerate it$/);
    assert.notEqual(entryOf(life.config.document, P).authentication?.api_key_hash, null, 'the entry names the key that the log names');
    assert.equal(life.lives.details(P).authentication.enabled, true);
    await life.lives.close();
    const next = await beginLife(folder);
    assert.equal(next.shown.size, 0, 'the next start has a key, and makes none');
    assert.equal(await scopeOfKey(next, (await next.lives.regenerateKey(P, CONTEXT)).apiKey), P);
    await next.lives.close();
  }));
}

test('an unrecorded move to memory is completed by another request, or by the next startup, with all data', async () => {
  for (const way of ['asked again', 'next start']) {
    await inFolder(async (folder) => {
      const home = new HomeFaults();
      const life = await beginLife(folder, { wrapHome: (real) => home.over(real) });
      await giveValues(life, 3);
      home.appends.set('_server', { error: DISK_FULL });
      await refusalOf(life.lives.update(P, { storage: MEMORY }, CONTEXT));
      const content = await contentOf(life.lives.store(P));
      home.appends.clear();
      if (way === 'asked again') await switchTo(life, MEMORY);
      else await life.lives.close();
      const after = way === 'asked again' ? life : await beginLife(folder);
      assert.deepEqual([after.lives.store(P).isOnDisk, await contentOf(after.lives.store(P))], [false, content], way);
      assert.equal(entryOf(after.config.document, P).storage?.on_disk, false);
      await after.lives.close();
    });
  }
});

test('files that cannot be moved do not prevent a move to memory, also with an older entry', async () => {
  await inFolder(async (folder) => {
    const home = new HomeFaults();
    const faulty = { wrapHome: (real: LogHome): LogHome => home.over(real) };
    const life = await beginLife(folder, faulty);
    await giveValues(life, 3);
    const file = path.join(folder, 'config.json');
    const before = await readFile(file, 'utf8');
    home.leaves.set(P, Object.assign(new Error('EIO: made to fail'), { code: 'EIO', errno: -5 }));
    await switchTo(life, MEMORY);
    await life.lives.close();
    for (const text of [await readFile(file, 'utf8'), before]) {
      await writeFile(file, text);
      const next = await beginLife(folder, faulty);
      assert.deepEqual([next.lives.details(P).state, next.lives.store(P).isOnDisk], ['serving', false]);
      await setValue(next, P, ['k', '1']);
      await next.lives.close();
    }
    home.leaves.clear();
    const last = await beginLife(folder, faulty);
    assert.equal(last.lives.details(P).state, 'serving');
    assert.deepEqual(await last.resources.diskHome.namesOf(P), []);
    await last.lives.close();
  });
});

for (const isWritten of [true, false]) {
  const fact = `a move to memory that may not have been recorded lets nothing more be written; it was${isWritten ? '' : ' not'}`;
  test(fact, () => inFolder(async (folder) => {
    const home = new HomeFaults();
    const life = await beginLife(folder, { wrapHome: (real) => home.over(real) });
    await giveValues(life, 3);
    const store = life.lives.store(P);
    let waiting: Promise<AppError> | undefined;
    const meanwhile = (): void => void (waiting = refusalOf(setValue(life, P, ['k0', '"waited"'])));
    home.appends.set('_server', { error: OUTCOME_UNKNOWN, isWritten, meanwhile });
    assert.equal((await refusalOf(switchTo(life, MEMORY))).code, 'outcome_unknown');
    assert.equal((await waiting)?.code, 'log_failed');
    assert.equal((await refusalOf(setValue(life, P, ['k0', '"later"']))).code, 'log_failed');
    assert.equal((await refusalOf(switchTo(life, HOT))).code, 'log_failed');
    assert.deepEqual([life.lives.details(P).state, (await valuesOf(life, P))['k0'] !== undefined], ['log_failed', true]);
    const content = await contentOf(store);
    await life.lives.close();
    const next = await beginLife(folder);
    const { isOnDisk, values } = next.lives.store(P);
    assert.deepEqual([isOnDisk, values.count], [false, isWritten ? 0 : 3]);
    if (!isWritten) assert.equal(await contentOf(next.lives.store(P)), content);
    await next.lives.close();
  }));
}

test('if it is unknown whether a move was recorded, the project is read-only until the startup that knows', async () => {
  for (const isWritten of [true, false]) {
    await inFolder(async (folder) => {
      const first = await beginLife(folder);
      await giveValues(first, 3);
      const content = await contentOf(first.lives.store(P));
      await first.config.update((document) => ({
        ...document, projects: document.projects.map((entry) => ({ ...entry, storage: { ...entry.storage, on_disk: false } })),
      }));
      await first.lives.close();
      const home = new HomeFaults();
      home.appends.set('_server', { error: OUTCOME_UNKNOWN, isWritten });
      const second = await beginLife(folder, { wrapHome: (real) => home.over(real) });
      assert.deepEqual([second.lives.details(P).state, await contentOf(second.lives.store(P))], ['log_failed', content]);
      assert.equal((await refusalOf(setValue(second, P, ['k0', '"later"']))).code, 'log_failed');
      await second.lives.close();
      const third = await beginLife(folder);
      const { isOnDisk, values } = third.lives.store(P);
      assert.deepEqual([isOnDisk, values.count], [false, isWritten ? 0 : 3]);
      if (!isWritten) assert.equal(await contentOf(third.lives.store(P)), content);
      await third.lives.close();
    });
  }
});

test('an edit that moves a project to memory but cannot be recorded leaves it served from disk', () => inFolder(async (folder) => {
  const first = await beginLife(folder);
  await giveValues(first, 3);
  const content = await contentOf(first.lives.store(P));
  await first.lives.update(P, { storage: { segment_bytes: 8192 } }, CONTEXT);
  await first.config.update((document) => ({
    ...document, projects: document.projects.map((entry) => ({ ...entry, storage: { ...entry.storage, on_disk: false } })),
  }));
  await first.lives.close();
  const home = new HomeFaults();
  home.appends.set('_server', { error: DISK_FULL });
  const life = await beginLife(folder, { wrapHome: (real) => home.over(real) });
  assert.deepEqual([life.lives.details(P).state, life.lives.store(P).isOnDisk], ['serving', true]);
  assert.equal(await contentOf(life.lives.store(P)), content);
  await setValue(life, P, ['k0', '"later"']);
  const later = await contentOf(life.lives.store(P));
  await life.lives.close();
  const next = await beginLife(folder);
  assert.deepEqual([next.lives.store(P).isOnDisk, await contentOf(next.lives.store(P))], [false, later]);
  await next.lives.close();
}));

/** A project that came to the disk with three values and was stopped: its folder, and its snapshots, of which only the base is left. */
async function withBase(body: (folder: string, snapshots: SnapshotFolder) => Promise<void>): Promise<void> {
  await inFolder(async (folder) => {
    const life = await beginLife(folder);
    await switchTo(life, MEMORY);
    await giveValues(life, 3);
    await switchTo(life, { ...HOT, compaction: { interval_seconds: 0 } });
    await life.lives.close();
    const snapshots = snapshotFolders(new NodeDisk(), path.join(folder, 'data'))(P);
    for (const { seq: made, isBase } of (await snapshots.list()).committed) if (!isBase) await snapshots.remove(made);
    await body(folder, snapshots);
  });
}

test('a snapshot that a log goes on from and that is another than the log names refuses the project, however well it fits',
  () => withBase(async (folder, snapshots) => {
  const [base] = (await snapshots.list()).committed;
  assert.ok(base?.isBase === true);
  const entries = [];
  for await (const group of snapshots.readEntries(base)) entries.push(...group);
  await snapshots.remove(base.seq);
  const writer = await snapshots.begin(base.seq);
  for (const entry of entries) await writer.add({ ...entry, value: '"forged"' });
  await snapshots.commit({ ...base, ...(await writer.finish()) });
  const life = await beginLife(folder);
  assert.equal(life.lives.details(P).state, 'corrupt');
  await life.lives.close();
}));

test('a log whose base is gone or damaged is refused as long as nothing else holds what came before',
  () => withBase(async (folder, snapshots) => {
  const [base] = (await snapshots.list()).committed;
  await snapshots.remove(base?.seq ?? 0);
  const life = await beginLife(folder);
  assert.equal(life.lives.details(P).state, 'corrupt');
  await life.lives.close();
}));

test('a project in memory does not move to disk if files of its name exist', () => withLife(async (life, folder) => {
  await switchTo(life, MEMORY);
  await mkdir(path.join(folder, 'data', P), { recursive: true });
  await writeFile(path.join(folder, 'data', P, 'notes.txt'), 'mine');
  const refusal = await refusalOf(life.lives.update(P, { storage: HOT }, CONTEXT));
  assert.equal(refusal.code, 'project_files_exist');
  await setValue(life, P, ['k', '1']);
  assert.equal(entryOf(life.config.document, P).storage?.on_disk, false);
}));

/** What else is asked for together with a move that is refused. */
const BESIDE_A_MOVE = { storage: { segment_bytes: 8192 }, authentication: { enabled: false } } as const;

test('a refused move to disk changes no other setting, and an accepted one is a single event',
  () => withLife(async (life, folder) => {
  await switchTo(life, MEMORY);
  const before = { document: life.config.document, details: life.lives.details(P) };
  const change = { ...BESIDE_A_MOVE, storage: { ...BESIDE_A_MOVE.storage, on_disk: true } };
  const stray = path.join(folder, 'data', `${P}.json`);
  await writeFile(stray, '{}');
  const refusal = await refusalOf(life.lives.update(P, change, CONTEXT));
  assert.deepEqual([refusal.code, refusal.facts['files'], refusal.facts['applied']], ['project_files_exist', [`${P}.json`], undefined]);
  const { space } = life.resources as { space: { allowsGrowth(bytes: number): boolean } };
  await rm(stray);
  space.allowsGrowth = () => false;
  assert.equal((await refusalOf(life.lives.update(P, change, CONTEXT))).code, 'disk_full');
  assert.deepEqual({ document: life.config.document, details: life.lives.details(P) }, before);
  assert.deepEqual((await readdir(path.join(folder, 'data'))).filter((name) => name.startsWith(P)), []);
  space.allowsGrowth = () => true;
  const { details } = await life.lives.update(P, change, CONTEXT);
  assert.deepEqual([details.seq, details.storage.segment_bytes, details.authentication.enabled], [before.details.seq + 1, 8192, false]);
}));

test('a refused move to memory changes no other setting', () => withLife(async (life, folder) => {
  await switchTo(life, HOT);
  const before = { document: life.config.document, details: life.lives.details(P) };
  const change = { ...BESIDE_A_MOVE, storage: { ...BESIDE_A_MOVE.storage, on_disk: false } };
  await writeFile(path.join(folder, 'data', P, 'notes.txt'), 'mine');
  const refusal = await refusalOf(life.lives.update(P, change, CONTEXT));
  assert.deepEqual([refusal.code, refusal.facts['files']], ['project_files_exist', [`${P}/notes.txt`]]);
  assert.deepEqual({ document: life.config.document, details: life.lives.details(P) }, before);
  await rm(path.join(folder, 'data', P, 'notes.txt'));
  const { details } = await life.lives.update(P, change, CONTEXT);
  assert.deepEqual([details.seq, details.storage.segment_bytes, details.authentication.enabled], [before.details.seq + 1, 8192, false]);
}));

test.run();
