/** SIGHUP: reloads the configuration, and never ends a server. */
import assert from 'node:assert/strict';
import { readFileSync, writeFileSync } from 'node:fs';
import { type LoggedLine, type ServerUnderTest, until, withWorkbench } from '../e2e/server-under-test.js';
import { suite } from '../suite.js';

const test = suite('cli/reload.e2e');

const SHOP = { id: 'shop', authentication: { enabled: false } };

function reloads(server: ServerUnderTest): readonly LoggedLine[] {
  return server.lines.filter(({ msg }) => /^the configuration was (not )?reloaded/.test(String(msg)));
}

async function hangUp(server: ServerUnderTest): Promise<LoggedLine> {
  const { length } = reloads(server);
  server.process.kill('SIGHUP');
  return await until('a reload', () => reloads(server)[length]);
}

test('SIGHUP reloads as the actor config, and reports a faulty file without a change', () => withWorkbench(async (bench) => {
  bench.configure([SHOP]);
  const server = await bench.start();
  const text = readFileSync(bench.configPath, 'utf8');
  const limited = text.replace('"projects"', '"limits":{"max_value_bytes":5},"projects"');
  writeFileSync(bench.configPath, limited.replace('"shop",', '"shop","quota":{"max_keys":7},'));
  const { changed, projects } = await hangUp(server);
  assert.deepEqual(changed, ['limits.max_value_bytes']);
  assert.deepEqual(projects, [{ id: 'shop', outcome: 'edited', changed: ['quota.max_keys'] }]);
  const [newest] = readFileSync(bench.path('data', 'shop.jsonl'), 'utf8').trimEnd().split('\n').slice(-1);
  const { op, actor, request } = JSON.parse(newest ?? '') as Record<string, string>;
  assert.deepEqual([op, actor], ['project.update', 'config']);
  assert.match(request ?? '', /^reload-[0-9a-f]{32}$/);
  writeFileSync(bench.configPath, 'no configuration');
  const refused = await hangUp(server);
  assert.equal(refused['level'], 'error');
  assert.match(JSON.stringify(refused['err']), /expected JSON|must be JSON/);
  assert.equal((await server.send('PUT', '/api/v1/projects/shop/keys/k', { body: '"123456"' })).status, 413);
  assert.equal((await server.stop()).code, 0);
}));

test('SIGHUP during a start, and many at once, reload after it and one after another', () => withWorkbench(async (bench) => {
  bench.configure([SHOP]);
  const server = bench.spawn();
  await until('a first line', () => (server.lines.length > 0 || undefined));
  server.process.kill('SIGHUP');
  await server.ready();
  await until('the reload of the start', () => (reloads(server).length > 0 || undefined));
  const { length } = reloads(server);
  for (let count = 0; count < 5; count += 1) server.process.kill('SIGHUP');
  await until('a reload', () => (reloads(server).length > length || undefined));
  assert.equal((await server.send('GET', '/readyz')).status, 200);
  assert.equal((await server.stop()).code, 0);
}));

test.run();
