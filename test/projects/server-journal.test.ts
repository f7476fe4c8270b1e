/** The registry. */
import assert from 'node:assert/strict';
import { readFile, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { FileHome } from '../../src/log/file/file-home.js';
import { NodeDisk } from '../../src/disk/node-disk.js';
import { type JournalPlace, ServerJournal } from '../../src/projects/server-journal.js';
import { silentLogger } from '../../src/base/logger.js';
import { inFolder } from '../config/config-folder.js';
import { suite } from '../suite.js';
import { CONTEXT, refusalOf, snapshotFolders } from './lives-fixture.js';

const test = suite('server-journal');

const LOG_ID = 'a'.repeat(32);

function placeIn(folder: string): JournalPlace {
  const disk = new NodeDisk();
  return { diskHome: new FileHome({ folder, disk, logger: silentLogger }), snapshots: snapshotFolders(disk, folder), logger: silentLogger };
}

test('where there is none, open() gives nothing and makes nothing', () => inFolder(async (folder) => {
  assert.equal(await ServerJournal.open(placeIn(folder)), undefined);
}));

test('what was recorded is known at once, and after opening it again', () => inFolder(async (folder) => {
  const place = placeIn(folder);
  let journal = await ServerJournal.create(place);
  await journal.record({ op: 'project.created', id: 'a', log_id: LOG_ID }, CONTEXT);
  await journal.record({ op: 'project.created', id: 'b', log_id: 'b'.repeat(32) }, CONTEXT);
  await journal.record({ op: 'project.deleted', id: 'a', log_id: LOG_ID, last_seq: 0, last_hash: '' }, CONTEXT);
  await journal.record({ op: 'config.edited', scope: 'default', changed: ['authentication.api_key'], key_id: '0123456789abcdef' }, CONTEXT);
  for (const opened of ['at once', 'again']) {
    assert.deepEqual(journal.registrations.liveIds, ['b'], opened);
    assert.deepEqual(journal.registrations.get('a'), { logId: LOG_ID, state: 'deleted', firstKeptSeq: undefined });
    assert.deepEqual([...journal.registrations.deletedLogs], [[LOG_ID, 'a']]);
    assert.equal(journal.registrations.defaultKeyId, '0123456789abcdef');
    await journal.close();
    journal = (await ServerJournal.open(place)) ?? assert.fail('there is one');
  }
  await journal.close();
}));

test('lines carry who did it and on which request', () => inFolder(async (folder) => {
  const journal = await ServerJournal.create(placeIn(folder));
  await journal.record({ op: 'project.created', id: 'a', log_id: LOG_ID }, CONTEXT);
  await journal.close();
  const lines = (await readFile(path.join(folder, '_server.jsonl'), 'utf8')).trimEnd().split('\n');
  const line = JSON.parse(lines.at(-1) ?? '') as Record<string, unknown>;
  assert.deepEqual([line['actor'], line['request']], [CONTEXT.actor, CONTEXT.requestId]);
}));

test('a damaged one knows nothing, records nothing, and stays as it is', () => inFolder(async (folder) => {
  const file = path.join(folder, '_server.jsonl');
  const created = await ServerJournal.create(placeIn(folder));
  await created.record({ op: 'project.created', id: 'a', log_id: LOG_ID }, CONTEXT);
  await created.close();
  await writeFile(file, (await readFile(file, 'utf8')).replace('"id":"a"', '"id":"b"'));
  const before = await readFile(file, 'utf8');
  const journal = (await ServerJournal.open(placeIn(folder))) ?? assert.fail('there is one');
  assert.deepEqual([journal.isCorrupt, journal.state], [true, 'damaged']);
  assert.deepEqual(journal.registrations.liveIds, []);
  assert.equal((await refusalOf((async () => journal.requireSound())())).code, 'server_log_corrupt');
  assert.equal((await refusalOf(journal.record({ op: 'project.created', id: 'c', log_id: LOG_ID }, CONTEXT))).code, 'server_log_corrupt');
  await journal.close();
  assert.equal(await readFile(file, 'utf8'), before);
}));

test.run();
