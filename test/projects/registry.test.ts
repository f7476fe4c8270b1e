/** The registry. */
import assert from 'node:assert/strict';
import { readFile, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { FileHome } from '../../src/log/file/file-home.js';
import { NodeDisk } from '../../src/disk/node-disk.js';
import { type RegistryFiles, Registry } from '../../src/projects/registry.js';
import { silentLogger } from '../../src/base/logger.js';
import { inFolder } from '../config/config-folder.js';
import { suite } from '../suite.js';
import { CONTEXT, refusalOf, snapshotFolders } from './lives-fixture.js';

const test = suite('registry');

const LOG_ID = 'a'.repeat(32);

function placeIn(folder: string): RegistryFiles {
  const disk = new NodeDisk();
  return { diskHome: new FileHome({ folder, disk, logger: silentLogger }), snapshots: snapshotFolders(disk, folder), logger: silentLogger };
}

test('where there is none, open() gives nothing and makes nothing', () => inFolder(async (folder) => {
  assert.equal(await Registry.open(placeIn(folder)), undefined);
}));

test('what was recorded is known at once, and after opening it again', () => inFolder(async (folder) => {
  const place = placeIn(folder);
  let registry = await Registry.create(place);
  await registry.record({ op: 'project.created', id: 'a', log_id: LOG_ID }, CONTEXT);
  await registry.record({ op: 'project.created', id: 'b', log_id: 'b'.repeat(32) }, CONTEXT);
  await registry.record({ op: 'project.deleted', id: 'a', log_id: LOG_ID, last_seq: 0, last_hash: '' }, CONTEXT);
  const changed = ['authentication.api_key'];
  await registry.record({ op: 'config.edited', scope: 'default', changed, key_id: '0123456789abcdef' }, CONTEXT);
  for (const opened of ['at once', 'again']) {
    assert.deepEqual(registry.registrations.liveIds, ['b'], opened);
    assert.deepEqual(registry.registrations.get('a'), { logId: LOG_ID, state: 'deleted', firstKeptSeq: undefined });
    assert.deepEqual([...registry.registrations.deletedLogs], [[LOG_ID, 'a']]);
    assert.equal(registry.registrations.defaultKeyId, '0123456789abcdef');
    await registry.close();
    registry = (await Registry.open(place)) ?? assert.fail('there is one');
  }
  await registry.close();
}));

test('lines carry who did it and on which request', () => inFolder(async (folder) => {
  const registry = await Registry.create(placeIn(folder));
  await registry.record({ op: 'project.created', id: 'a', log_id: LOG_ID }, CONTEXT);
  await registry.close();
  const lines = (await readFile(path.join(folder, '_server.jsonl'), 'utf8')).trimEnd().split('\n');
  const line = JSON.parse(lines.at(-1) ?? '') as Record<string, unknown>;
  assert.deepEqual([line['actor'], line['request']], [CONTEXT.actor, CONTEXT.requestId]);
}));

test('a damaged one knows nothing, records nothing, and stays as it is', () => inFolder(async (folder) => {
  const file = path.join(folder, '_server.jsonl');
  const created = await Registry.create(placeIn(folder));
  await created.record({ op: 'project.created', id: 'a', log_id: LOG_ID }, CONTEXT);
  await created.close();
  await writeFile(file, (await readFile(file, 'utf8')).replace('"id":"a"', '"id":"b"'));
  const before = await readFile(file, 'utf8');
  const registry = (await Registry.open(placeIn(folder))) ?? assert.fail('there is one');
  assert.deepEqual([registry.isCorrupt, registry.state], [true, 'damaged']);
  assert.deepEqual(registry.registrations.liveIds, []);
  assert.equal((await refusalOf((async () => registry.requireSound())())).code, 'server_log_corrupt');
  assert.equal((await refusalOf(registry.record({ op: 'project.created', id: 'c', log_id: LOG_ID }, CONTEXT))).code, 'server_log_corrupt');
  await registry.close();
  assert.equal(await readFile(file, 'utf8'), before);
}));

test.run();
