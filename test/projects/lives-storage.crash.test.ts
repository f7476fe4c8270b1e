/**
 * A server is killed in the middle of and after every change to the disk in a life of snapshots, of segments that go by retention,
 * and of ways between memory and disk: what was acknowledged is there, and a way that was begun has happened or not.
 */
import assert from 'node:assert/strict';
import { suite } from '../suite.js';
import { inFolder } from '../config/config-folder.js';
import { checkNextStart, killAtEveryChange, live } from './lives-killer.js';
import { SCRIPT_OF_STORAGE } from './lives-script.js';

const test = suite('lives-storage.crash');

const SWEEP_TIMEOUT_MS = 240_000;

test('a life without a kill ends with the result of its steps', () => inFolder(async (folder) => {
  const lived = await live(folder, { script: SCRIPT_OF_STORAGE });
  assert.deepEqual([lived.step, lived.process.isDead], ['stop', false]);
  await checkNextStart(folder, lived);
}));

test('a server that is killed after any change has kept its word at the next start', async () => {
  await killAtEveryChange('after', { script: SCRIPT_OF_STORAGE });
}, { timeoutMs: SWEEP_TIMEOUT_MS });

test('a server that is killed in the middle of any change has kept its word at the next start', async () => {
  await killAtEveryChange('torn', { script: SCRIPT_OF_STORAGE });
}, { timeoutMs: SWEEP_TIMEOUT_MS });

test.run();
