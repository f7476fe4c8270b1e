/** The unit of systemd, checked by systemd itself and against the program. */
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { EXIT_CODES } from '../../src/cli/exit-codes.js';
import { CONFIG_VARIABLE, GLOBAL_KEY_FILE_VARIABLE } from '../../src/config/outside-settings.js';
import { SERVER_SETTINGS } from '../../src/config/settings-table.js';
import { withWorkbench } from '../e2e/server-under-test.js';
import { program } from '../needs.js';
import { suite } from '../suite.js';
import { projectRoot } from '../tidy/source-tree.js';

const test = suite('ops/systemd');

const UNIT = readFileSync(path.join(projectRoot(), 'ops/systemd/simplekv.service'), 'utf8');
/** The highest exposure, in tenths, that systemd may find. */
const EXPOSURE_MAX = 40;
const SYSTEMD = { needs: [program('systemd-analyze', 'systemd')] };

/** All values of a setting of the unit. */
function valuesOf(name: string): readonly string[] {
  return UNIT.split('\n').filter((line) => line.startsWith(`${name}=`)).map((line) => line.slice(name.length + 1));
}

/** Runs systemd-analyze on the unit, with the Node of this machine in it. */
async function analyze(...words: readonly string[]): Promise<{ readonly status: number | null; readonly output: string }> {
  let result = { status: null as number | null, output: '' };
  await withWorkbench((bench) => {
    const file = bench.path('simplekv.service');
    writeFileSync(file, UNIT.replaceAll('/usr/bin/node', process.execPath));
    const { status, stdout, stderr } = spawnSync('systemd-analyze', [...words, file], { encoding: 'utf8' });
    result = { status, output: stdout + stderr };
    return Promise.resolve();
  });
  return result;
}

test('systemd finds nothing wrong with the unit', async () => {
  assert.deepEqual(await analyze('verify'), { status: 0, output: '' });
}, SYSTEMD);

test('systemd finds the service little exposed', async () => {
  const { status, output } = await analyze('security', '--offline=true', `--threshold=${EXPOSURE_MAX}`);
  assert.equal(status, 0, output);
}, SYSTEMD);

test('systemd would find a mistake, so the two checks can fail', async () => {
  await withWorkbench((bench) => {
    const file = bench.path('simplekv.service');
    writeFileSync(file, UNIT.replaceAll('/usr/bin/node', process.execPath).replace('ProtectHome=', 'ProtectHomes='));
    const { stderr } = spawnSync('systemd-analyze', ['verify', file], { encoding: 'utf8' });
    assert.match(stderr, /ProtectHomes/);
    return Promise.resolve();
  });
}, SYSTEMD);

test('the unit reloads by SIGHUP, restarts only if that can help, and waits longer for a stop than the server takes', () => {
  assert.deepEqual(valuesOf('ExecReload'), ['/bin/kill -HUP $MAINPID']);
  const final = [EXIT_CODES.usage, EXIT_CODES.outputFailed, EXIT_CODES.noPermission, EXIT_CODES.configuration];
  assert.deepEqual(valuesOf('RestartPreventExitStatus'), [final.join(' ')]);
  assert.ok(Number(valuesOf('TimeoutStopSec')[0]) > SERVER_SETTINGS.timeouts.shutdown_seconds.default);
});

test('the unit names the variables of the program, and may write only its own folder', () => {
  const variables = valuesOf('Environment').map((text) => text.split('=')[0]);
  assert.deepEqual(variables, [GLOBAL_KEY_FILE_VARIABLE, CONFIG_VARIABLE]);
  assert.deepEqual(valuesOf('ExecStart'), ['/usr/bin/node /opt/simplekv/dist/bin/simplekv.js serve']);
  assert.deepEqual([valuesOf('ProtectSystem'), valuesOf('StateDirectory'), valuesOf('ReadWritePaths')], [['strict'], ['simplekv'], []]);
});

test.run();
