/** From a log to a store. */
import assert from 'node:assert/strict';
import { randomHexId } from '../../src/base/random-id.js';
import { silentLogger } from '../../src/base/logger.js';
import { encodeEvent } from '../../src/events/codec.js';
import { BUILT_IN_SETTINGS, type ProjectSettings } from '../../src/events/project-settings.js';
import { NodeDisk } from '../../src/disk/node-disk.js';
import { FileHome } from '../../src/log/file/file-home.js';
import type { LogHome } from '../../src/log/log-home.js';
import type { LogOptions } from '../../src/log/log.js';
import { ValueCache } from '../../src/projections/value-cache.js';
import { openNewProject, openProject, type OpenProjectOptions } from '../../src/projects/open-project.js';
import { DEFAULT_STORE_LIMITS } from '../../src/store/project-store.js';
import { AMPLE_SPACE } from '../disk/ample-space.js';
import { inFolder } from '../config/config-folder.js';
import { suite } from '../suite.js';
import { HomeFaults } from './faulty-home.js';
import { CONTEXT, refusalOf, snapshotFolders } from './lives-fixture.js';

const test = suite('open-project');

const SETTINGS: ProjectSettings = BUILT_IN_SETTINGS;

function partsIn(folder: string): OpenProjectOptions {
  const disk = new NodeDisk();
  return {
    home: new FileHome({ folder, disk, logger: silentLogger }),
    settings: SETTINGS,
    limits: DEFAULT_STORE_LIMITS,
    snapshots: snapshotFolders(disk, folder)('a'),
    cache: new ValueCache(),
    space: AMPLE_SPACE,
    logger: silentLogger,
  };
}

/** Makes a project of three events. @returns its log id */
async function makeProject(folder: string): Promise<string> {
  const logId = randomHexId();
  const { store } = await openNewProject('a', { ...partsIn(folder), logId });
  await store.submit({ type: 'project.create', settings: SETTINGS, keyId: null }, CONTEXT);
  await store.submit({ type: 'set', key: 'k', value: '1.0' }, CONTEXT);
  await store.submit({ type: 'project.update', change: { storage: { segment_bytes: 8192 } } }, CONTEXT);
  await store.close();
  return logId;
}

test('a log that is not there gives nothing', () => inFolder(async (folder) => {
  assert.equal(await openProject('a', { ...partsIn(folder), expectedLogId: undefined }), undefined);
}));

test('a log is replayed: values, settings and their history', () => inFolder(async (folder) => {
  const logId = await makeProject(folder);
  const opened = (await openProject('a', { ...partsIn(folder), expectedLogId: logId })) ?? assert.fail('there is a log');
  assert.deepEqual([opened.store.logId, opened.store.seq], [logId, 3]);
  assert.equal(opened.store.values.get('k')?.value, '1.0');
  assert.deepEqual(opened.model.state.versions.map(({ seq }) => seq), [1, 3]);
  await opened.store.close();
}));

test('a log that was opened by stale settings is configured by its own', () => inFolder(async (folder) => {
  await makeProject(folder);
  const { home, ...parts } = partsIn(folder);
  const configured: LogOptions[] = [];
  const watching: LogHome = {
    ...new HomeFaults().over(home),
    open: async (...args) => {
      const log = await home.open(...args);
      if (log !== undefined) log.configure = (options) => void configured.push(options);
      return log;
    },
  };
  const opened = await openProject('a', { ...parts, home: watching, expectedLogId: undefined });
  assert.deepEqual(configured.map(({ segmentBytes }) => segmentBytes), [8192]);
  await opened?.store.close();
}));

test('a log of another id is refused', () => inFolder(async (folder) => {
  await makeProject(folder);
  assert.equal((await refusalOf(openProject('a', { ...partsIn(folder), expectedLogId: randomHexId() }))).code, 'project_corrupt');
}));

test('a signal ends the replay with its reason', () => inFolder(async (folder) => {
  await makeProject(folder);
  const reason = new Error('enough');
  await assert.rejects(openProject('a', { ...partsIn(folder), expectedLogId: undefined, signal: AbortSignal.abort(reason) }), reason);
}));

test('a log of the server under the name of a project is refused', () => inFolder(async (folder) => {
  const { home } = partsIn(folder);
  const log = await home.create('a', { durability: 'fsync', syncIntervalMs: 100, segmentBytes: 8192, logId: randomHexId() });

  await log.append([{ ...encodeEvent({ op: 'project.created', id: 'b', log_id: randomHexId() }), actor: 'config', request: 'r' }], 0);
  await log.close();
  await assert.rejects(openProject('a', { ...partsIn(folder), expectedLogId: undefined }), /event of a project/);
}));

test('a project is not made where files of its name are', () => inFolder(async (folder) => {
  await makeProject(folder);
  assert.equal((await refusalOf(openNewProject('a', { ...partsIn(folder), logId: randomHexId() }))).code, 'project_files_exist');
}));

test.run();
