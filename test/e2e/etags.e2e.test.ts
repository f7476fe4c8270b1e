/** ETags of a data folder that was put back to an earlier state: the log goes on from there with other content. */
import assert from 'node:assert/strict';
import { cpSync, rmSync } from 'node:fs';
import { suite } from '../suite.js';
import { withWorkbench } from './server-under-test.js';

const test = suite('etags');
const TIMEOUT = { timeoutMs: 120_000 };
const KEY = '/api/v1/projects/shop/keys/k';

for (const isCaching of [true, false]) {
  test(`the ETag of a version that a restore took back matches no later one, values ${isCaching ? 'in memory' : 'on disk'}`,
    () => withWorkbench(async (bench) => {
      bench.configure([{ id: 'shop', storage: { cache_in_memory: isCaching }, authentication: { enabled: false } }], {
        default: { storage: { persistent_file_path: 'data/' }, authentication: { enabled: false } },
      });
      const first = await bench.start();
      const kept = String((await first.send('PUT', KEY, { body: '"kept"' })).headers.etag);
      await first.stop();
      cpSync(bench.path('data'), bench.path('backup'), { recursive: true });

      const second = await bench.start();
      assert.equal((await second.send('GET', KEY)).headers.etag, kept, 'an ETag outlives a restart that loads a snapshot');
      const lost = String((await second.send('PUT', KEY, { body: '"lost"' })).headers.etag);
      await second.stop();

      rmSync(bench.path('data'), { recursive: true });
      cpSync(bench.path('backup'), bench.path('data'), { recursive: true });
      const third = await bench.start();
      assert.equal((await third.send('GET', KEY)).headers.etag, kept);
      const now = String((await third.send('PUT', KEY, { body: '"other"', headers: { 'If-Match': kept } })).headers.etag);
      assert.equal(now.split('-')[0], lost.split('-')[0], 'both versions have one seq');
      assert.notEqual(now, lost);
      const refused = await third.send('PUT', KEY, { body: '"overwritten"', headers: { 'If-Match': lost } });
      assert.deepEqual([refused.status, refused.headers.etag], [412, now]);
      assert.match(refused.text, /made by another line of the log/);
      const read = await third.send('GET', KEY, { headers: { 'If-None-Match': lost } });
      assert.deepEqual([read.status, read.text], [200, '"other"']);
      assert.equal((await third.send('GET', KEY, { headers: { 'If-None-Match': now } })).status, 304);
      // An ETag is a position of the feed as well.
      const since = (tag: string): string => `/api/v1/projects/shop/events?since=${tag.replaceAll('"', '')}`;
      assert.equal((await third.send('GET', since(now))).status, 200);
      assert.equal((await third.send('GET', since(lost))).status, 409);
      await third.stop();
    }), TIMEOUT);
}

test.run();
