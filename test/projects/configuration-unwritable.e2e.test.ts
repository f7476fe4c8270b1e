/** A configuration that can be read and not replaced, as where one file is mounted: only what needs to write it fails. */
import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import { ConfigError } from '../../src/config/config-error.js';
import { suite } from '../suite.js';
import { type ServedFolder, withServedFolder } from './served-folder.js';

const test = suite('configuration-unwritable.e2e');

/** So long that the name of a temporary file beside it is too long, for any user and on any disk. */
const LONG_NAME = `${'c'.repeat(245)}.json`;

const GLOBAL_KEY = 'the-global-key';
const SHOP_KEY = 'the-key-of-the-shop';

async function withTypedKeys(body: (served: ServedFolder) => Promise<void>): Promise<void> {
  await withServedFolder(async (served) => {
    await served.write({
      default: { authentication: { api_key: GLOBAL_KEY } },
      projects: [{ id: 'shop', authentication: { api_key: SHOP_KEY } }],
    });
    await served.start();
    await body(served);
  }, LONG_NAME);
}

test('typed keys work, also after a restart, and the start says that they stay in the file', () => withTypedKeys(async (served) => {
  const text = await readFile(served.configPath, 'utf8');
  for (const restarts of [0, 1]) {
    if (restarts > 0) await served.restart();
    assert.equal(await served.statusFor('shop', SHOP_KEY), 200);
    assert.equal((await served.ask('GET', '/projects', { key: GLOBAL_KEY })).status, 200);
  }
  assert.equal(await readFile(served.configPath, 'utf8'), text);
  assert.ok(served.logged.some(({ level, msg }) => level === 'warn' && /plain text/.test(msg)));
  const unsaved = served.logged.filter(({ level, msg }) => level === 'warn' && /known typed keys could not be saved/.test(msg));
  assert.equal(unsaved.length, 2, 'once for each start');
  assert.ok(!JSON.stringify(served.logged).includes(SHOP_KEY));
}));

test('requests that need the file fail with their own code, change nothing, and everything else goes on',
  () => withTypedKeys(async (served) => {
  const answers = [
    await served.ask('POST', '/projects', { key: GLOBAL_KEY, body: { id: 'second' } }),
    await served.ask('POST', '/projects/shop/api-key/regenerate', { key: GLOBAL_KEY }),
  ];
  for (const { status, body } of answers) assert.deepEqual([status, body['code']], [500, 'config_write_failed']);
  assert.equal(await served.statusFor('second', GLOBAL_KEY), 404);
  assert.equal(await served.statusFor('shop', SHOP_KEY), 200);
  assert.equal((await served.set('shop', ['k', 'kept'], SHOP_KEY)).status, 201);
  await served.restart();
  assert.equal((await served.ask('GET', '/projects/shop/keys/k', { key: SHOP_KEY })).text, '"kept"');
}));

test('a key that would have to be made ends the start: the next one would not know it', () => withServedFolder(async (served) => {
  await served.write({ projects: [{ id: 'shop' }] });
  await assert.rejects(served.start(), (error) => error instanceof ConfigError && /can be replaced/.test(error.message));
}, LONG_NAME));

test.run();
