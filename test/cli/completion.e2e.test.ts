/** Completion: driven through bash, and what it is made of. */
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { mkdirSync, symlinkSync, writeFileSync } from 'node:fs';
import { program } from '../needs.js';
import { MAIN } from '../program-file.js';
import { suite } from '../suite.js';
import { withWorkbench, type Workbench } from '../e2e/server-under-test.js';
import { withServedShop } from './online/served-shop.js';
import { run } from './program.js';

const test = suite('cli/completion');
const OPTIONS = { timeoutMs: 120_000, needs: [program('bash')] };

/** The words that bash offers for a line, whose last word is to be completed. */
function offered(bench: Workbench, words: readonly string[], env: Readonly<Record<string, string>> = {}): readonly string[] {
  const script = [
    'source <(simplekv completion bash)', 'source <(simplekv completion bash)',
    'COMP_WORDS=(simplekv "$@"); COMP_CWORD=$#', '_simplekv 2>/dev/null', 'printf "%s\\n" "${COMPREPLY[@]}"',
  ].join('\n');
  const PATH = `${bench.path('bin')}:${process.env['PATH'] ?? ''}`;
  const { stdout, stderr, status } = spawnSync('bash', ['--norc', '-c', script, 'bash', ...words], {
    cwd: bench.folder, encoding: 'utf8',
    env: { ...process.env, NODE_V8_COVERAGE: '', XDG_CONFIG_HOME: bench.path('settings'), PATH, ...env },
  });
  assert.deepEqual([status, stderr], [0, '']);
  return stdout.split('\n').filter((word) => word !== '');
}

function install(bench: Workbench): void {
  mkdirSync(bench.path('bin'));
  symlinkSync(MAIN, bench.path('bin', 'simplekv'));
}

test('bash completes commands, commands below them, options, shells, profiles and files', () => withWorkbench(async (bench) => {
  install(bench);
  assert.deepEqual(offered(bench, ['pro']), ['projects', 'profile']);
  assert.ok(offered(bench, ['']).includes('get'));
  assert.ok(!offered(bench, ['']).some((word) => word.startsWith('_')), 'the command that completes is hidden');
  assert.deepEqual(offered(bench, ['projects', '']), ['list', 'create', 'show', 'update', 'compact', 'delete']);
  assert.deepEqual(offered(bench, ['keys', 'rotate', '--ov']), ['--overlap']);
  assert.deepEqual(offered(bench, ['completion', '']), ['bash', 'zsh', 'fish']);
  assert.deepEqual(offered(bench, ['man', 'pro']), ['projects', 'profile']);
  assert.deepEqual(offered(bench, ['man', 'projects', 'cr']), ['create']);
  for (const words of [['man', 'get', ''], ['man', 'none', '']]) assert.deepEqual(offered(bench, words), [], words.join(' '));
  writeFileSync(bench.path('backup.tar'), '');
  assert.deepEqual(offered(bench, ['restore', 'back']), ['backup.tar']);
  assert.deepEqual(offered(bench, ['get', '--data', 'back']), ['backup.tar']);
  assert.deepEqual(offered(bench, ['get', '--at', '']), []);
  await run(bench, 'profile', 'add', 'mine', '--url', 'http://127.0.0.1:2');
  assert.deepEqual(offered(bench, ['profile', 'use', '']), ['mine']);
  assert.deepEqual(offered(bench, ['get', '--profile', 'm']), ['mine']);
}), OPTIONS);

test('keys are completed only if that is switched on, quoted for the shell', () => withServedShop(async ({ bench, env, shop }) => {
  install(bench);
  for (const key of ['user/1', 'user/2', 'user x$(touch hacked)', 'other']) await shop('set', key, '1');
  assert.deepEqual(offered(bench, ['get', 'user'], env), []);
  const on = { ...env, SIMPLEKV_COMPLETE_KEYS: '1' };
  assert.deepEqual(offered(bench, ['get', 'user'], on), [String.raw`user\ x\$\(touch\ hacked\)`, 'user/1', 'user/2']);
  assert.deepEqual(offered(bench, ['set', '$(touch hacked)'], on), []);
  assert.deepEqual(offered(bench, ['get', '--data', 'd', 'o'], on), []);
  assert.deepEqual(offered(bench, ['get', '--url', 'http://127.0.0.1:2', 'user'], on), []);
}), OPTIONS);

test('zsh and fish get a script that asks the same command', () => withWorkbench(async (bench) => {
  for (const shell of ['zsh', 'fish', 'bash']) {
    const { code, stdout } = await run(bench, 'completion', shell);
    assert.equal(code, 0);
    assert.match(stdout, / __complete -- /);
  }
  assert.match((await run(bench, 'completion', 'csh')).stderr, /Allowed choices are bash, zsh, fish\. Run it with --help[^.]*\n$/);
}), OPTIONS);

test.run();
