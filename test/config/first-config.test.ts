import assert from 'node:assert/strict';
import { isGeneratedKey } from '../../src/auth/api-key.js';
import { hashGenerated } from '../../src/auth/key-hash.js';
import { checkConfig } from '../../src/config/check-config.js';
import { firstConfig } from '../../src/config/first-config.js';
import { suite } from '../suite.js';

const test = suite('first-config');

test('the first configuration has one project, both scopes guarded, and hashes only', () => {
  const { document, globalKey, projectKey } = firstConfig();
  assert.deepEqual(document, {
    version: 1,
    server_port: 23_849,
    default: {
      storage: { persistent_file_path: 'data/' },
      authentication: { enabled: true, save_api_key_to_file: false, api_key: null, api_key_hash: hashGenerated(globalKey) },
    },
    projects: [
      {
        id: 'first_project',
        storage: { on_disk: true, cache_in_memory: true },
        authentication: { enabled: true, save_api_key_to_file: false, api_key: null, api_key_hash: hashGenerated(projectKey) },
      },
    ],
  });
  assert.ok(!JSON.stringify(document).includes('skv_'));
});

test('both keys are generated keys of their kind, new each time', () => {
  const [first, second] = [firstConfig(), firstConfig()];
  assert.ok(isGeneratedKey(first.globalKey) && first.globalKey.startsWith('skv_g_'));
  assert.ok(isGeneratedKey(first.projectKey) && first.projectKey.startsWith('skv_p_'));
  assert.equal(new Set([first.globalKey, first.projectKey, second.globalKey, second.projectKey]).size, 4);
});

test('the first configuration is valid, with its members in reading order', () => {
  const { document } = firstConfig();
  checkConfig(document);
  assert.deepEqual(Object.keys(document), ['version', 'server_port', 'default', 'projects']);
});

test.run();
