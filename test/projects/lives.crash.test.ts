/**
 * A server is killed in the middle of and after every change that it makes to the disk in one life, and started again:
 * what was acknowledged holds, what was under way happened or not, and the configuration and the logs say the same.
 */
import assert from 'node:assert/strict';
import { suite } from '../suite.js';
import { inFolder } from '../config/config-folder.js';
import { checkNextStart, killAtEveryChange, live } from './lives-killer.js';
import { SCRIPT, SCRIPT_OF_ONE_ID } from './lives-script.js';

const test = suite('lives.crash');

const SWEEP_TIMEOUT_MS = 240_000;

test('a life without a kill ends with the result of its steps', async () => {
  await inFolder(async (folder) => {
    const lived = await live(folder, { script: SCRIPT });
    assert.equal(lived.step, 'stop');
    assert.equal(lived.process.isDead, false);
    assert.ok(lived.process.count > SCRIPT.length);
    await checkNextStart(folder, lived);
  });
});

test('a server that is killed after any change to the disk has kept its word at the next start', async () => {
  await killAtEveryChange('after', { script: SCRIPT });
}, { timeoutMs: SWEEP_TIMEOUT_MS });

test('a server that is killed in the middle of any change to the disk has kept its word at the next start', async () => {
  await killAtEveryChange('torn', { script: SCRIPT });
}, { timeoutMs: SWEEP_TIMEOUT_MS });

test('a server that is killed while deleted projects wait to be erased has kept its word at the next start', async () => {
  await killAtEveryChange('after', { script: SCRIPT_OF_ONE_ID, erasesNothing: true });
}, { timeoutMs: SWEEP_TIMEOUT_MS });

test.run();
