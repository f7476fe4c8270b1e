import assert from 'node:assert/strict';
import { memoryHome } from '../../src/log/memory-home.js';
import type { LogHome } from '../../src/log/log-home.js';
import { suite } from '../suite.js';
import { drafts, LOG_ID, OPTIONS, PROJECT } from './file/log-fixture.js';

const test = suite('memoryHome');

test('its logs live as long as they are referenced, and leave nothing behind', async () => {
  const home: LogHome = memoryHome();
  const log = await home.create(PROJECT, { ...OPTIONS, logId: LOG_ID });
  await log.append(drafts(1, 1), 0);
  assert.equal(await home.open(PROJECT, { ...OPTIONS, replay: () => undefined }), undefined);
  assert.deepEqual(await home.namesOf(PROJECT), []);
  assert.equal(await home.identify(PROJECT), undefined);
  await home.remove(PROJECT, LOG_ID);
  await home.discard(PROJECT, LOG_ID);
  await home.close();
  assert.equal(log.position().seq, 1);
});

test.run();
