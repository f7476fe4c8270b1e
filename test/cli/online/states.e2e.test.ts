/** `revert` and `checkpoint` against a live server; `diff` is compared with that of files in same-output. */
import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import { EXIT_CODES } from '../../../src/cli/exit-codes.js';
import { suite } from '../../suite.js';
import { run } from '../program.js';
import { withServedShop } from './served-shop.js';

const test = suite('cli/online/states');
const TIMEOUT = { timeoutMs: 120_000 };

test('revert brings back a moment, after a preview and with a confirmation', () => withServedShop(async ({ shop }) => {
  await shop('set', 'a', '1.0');
  await shop('set', 'b', '1');
  await shop('set', 'a', '2');
  await shop('delete', 'b');
  const preview = await shop('revert', '--to', '3', '--dry-run');
  assert.equal(preview.stdout, '~\ta\n+\tb\n2 keys would be brought back; nothing was changed\n', preview.stderr);
  const json = JSON.parse((await shop('revert', '--to', '3', '--dry-run', '--json')).stdout) as Record<string, unknown>;
  assert.deepEqual([json['to'], json['seq'], json['reverted'], json['dry_run']], [3, 5, 2, true]);
  const unasked = await shop('revert', '--to', '3');
  assert.equal(unasked.code, EXIT_CODES.usage);
  assert.match(unasked.stderr, /Bring 2 keys of "shop" on http\S+ back to seq 3\? Repeat the command with --yes to confirm it\n$/);
  const only = await shop('revert', '--to', '3', '--key', 'a', '--yes');
  assert.match(only.stdout, /^1 key brought back, seq 6, receipt [0-9a-f]{64}\n$/);
  assert.equal((await shop('get', 'a')).stdout, '1.0\n');
  const moved = await shop('revert', '--to', '3', '--if-seq', '5', '--yes');
  assert.deepEqual([moved.code, moved.stdout], [EXIT_CODES.failure, '']);
  const rest = JSON.parse((await shop('revert', '--to', '3', '--yes', '--json')).stdout) as Record<string, unknown>;
  assert.deepEqual([rest['to'], rest['reverted'], rest['seq']], [3, 1, 7]);
  assert.equal((await shop('revert', '--to', '3', '--yes')).stdout, 'nothing to bring back; nothing was changed\n');
  assert.equal((await shop('revert', '--to', '99', '--yes')).code, EXIT_CODES.usage);
}), TIMEOUT);

test('a checkpoint is one that verify --checkpoint proves', () => withServedShop(async ({ bench, shop }) => {
  await shop('set', 'a', '1');
  const { stdout } = await shop('checkpoint');
  assert.match(stdout, /^\{"project":"shop","log_id":"[0-9a-f]{32}","seq":2,"hash":"[0-9a-f]{64}","time":"[^"]+"\}\n$/);
  assert.equal((await shop('checkpoint', '--json')).stdout, stdout);
  writeFileSync(bench.path('kept'), stdout);
  const proved = await run(bench, 'verify', '--data', 'data', '--checkpoint', 'kept');
  assert.equal(proved.code, EXIT_CODES.ok, proved.stderr + proved.stdout);
  writeFileSync(bench.path('kept'), stdout.replace(/"hash":"[0-9a-f]{8}/, '"hash":"00000000'));
  assert.equal((await run(bench, 'verify', '--data', 'data', '--checkpoint', 'kept')).code, EXIT_CODES.failure);
}), TIMEOUT);

test.run();
