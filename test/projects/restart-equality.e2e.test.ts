/** After snapshots and a restart everything that can be asked is answered as before, and the start has read no more than it must. */
import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { suite } from '../suite.js';
import { openCompacted, SMALL_SEGMENTS } from './compacted-project.js';
import { CONTEXT } from './lives-fixture.js';
import { type ServedFolder, withServedFolder } from './served-folder.js';

const test = suite('restart-equality.e2e');

const KEYS = 60;

/** Every key with what a client sees of it: bytes, version, time; the listing of all; and the details. */
async function answersOf(served: ServedFolder, id: string): Promise<string> {
  const key = served.key(id);
  const listing = await served.ask('GET', `/projects/${id}/keys`, { key });
  const details = await served.ask('GET', `/projects/${id}`, { key });
  const names = JSON.parse((await served.ask('GET', `/projects/${id}/keys?values=false`, { key })).text) as string[];
  const each: unknown[] = [];
  for (const name of names) {
    const { status, text, headers } = await served.ask('GET', `/projects/${id}/keys/${name}`, { key });
    each.push([name, status, text, headers.get('ETag'), headers.get('Last-Modified')]);
  }
  return JSON.stringify([listing.text, details.body, each]);
}

async function change(served: ServedFolder, id: string, round: number): Promise<void> {
  const key = served.key(id);
  for (let number = 0; number < KEYS; number += 1) {
    if (number % 7 === round) await served.ask('DELETE', `/projects/${id}/keys/k${number}`, { key });
    else if (number % 3 === round % 3) await served.set(id, [`k${number}`, { round, text: `value ${number} `.repeat(30) }], key);
  }
}

test('listings, values, versions, times, tags and details are the same, hot and cold, with compressed and removed segments',
  () => withServedFolder(async (served) => {
  const storage = { segment_bytes: 4096, retention: { max_bytes: 6000, compress: 'gzip' } };
  await served.write({ projects: [{ id: 'hot', storage }, { id: 'cold', storage: { ...storage, cache_in_memory: false } }] });
  await served.start();
  for (let round = 0; round < 3; round += 1) {
    for (const id of ['hot', 'cold']) {
      await change(served, id, round);
      const compacted = await served.ask('POST', `/projects/${id}/compact`, { key: served.key('global') });
      assert.equal(compacted.status, 200, compacted.text);
      // Something for the start to read after the snapshot.
      await served.set(id, ['last', round], served.key(id));
    }
    const before = [await answersOf(served, 'hot'), await answersOf(served, 'cold')];
    await served.restart();
    assert.deepEqual([await answersOf(served, 'hot'), await answersOf(served, 'cold')], before, `round ${round}`);
  }
  const removed = (await served.lines('_server')).filter(({ op }) => op === 'segment.removed');
  assert.ok(removed.some(({ id }) => id === 'hot') && removed.some(({ id }) => id === 'cold'));
  assert.ok([...(await served.dataFiles()).keys()].some((name) => name.endsWith('.gz')));
  assert.deepEqual(served.logged.filter(({ level }) => level === 'error' || level === 'warn').filter(({ msg }) => !/open/.test(msg)), []);
}));

test('what is committed is what was recorded: the digest in the registry is that of the file beside the log',
  () => withServedFolder(async (served) => {
  await served.write({ projects: [{ id: 'shop' }] });
  await served.start();
  await served.set('shop', ['k', { n: 1 }], served.key('shop'));
  await served.ask('POST', '/projects/shop/compact', { key: served.key('global') });
  const line = (await served.lines('_server')).findLast(({ op }) => op === 'snapshot.committed');
  const text = (await served.dataFiles()).get('shop.json') ?? '';
  assert.equal(line?.['sha256'], createHash('sha256').update(text, 'latin1').digest('hex'));
  assert.deepEqual(JSON.parse(text), { k: { n: 1 } });
}));

test('a start reads the lines after the snapshot and not those before', async () => {
  const project = await openCompacted({ storage: SMALL_SEGMENTS });
  await project.fill(1, 60);
  await project.compact();
  await project.store.submit({ type: 'set', key: 'after', value: '1' }, CONTEXT);
  const from = project.disk.calls.length;
  const again = await project.reopen();
  const reads = project.disk.calls.slice(from).filter(({ method, path }) => method === 'read' && /\/\d{20}\.jsonl$/.test(path));
  const segments = again.log.sealed?.list().length ?? 0;
  assert.ok(segments > 15);
  // The two ends of each; reading a segment through would take more than that, and its lines would be seen by the replay.
  assert.ok(reads.length <= segments * 4, `${reads.length} reads of ${segments} segments`);
  assert.equal(again.store.values.count, 61);
  assert.equal(again.store.changedBytes > 0 && again.store.changedBytes < 100, true, 'one line was replayed');
  await again.close();
});

test.run();
