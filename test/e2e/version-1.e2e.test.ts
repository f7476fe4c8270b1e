/** A data folder that version 0.1 wrote: its snapshots have no tags, its log is of format 1, and the new program goes on with it. */
import assert from 'node:assert/strict';
import { cpSync, readdirSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { run } from '../cli/program.js';
import { suite } from '../suite.js';
import { type ServerUnderTest, withWorkbench, type Workbench } from './server-under-test.js';

const test = suite('version-1');
const TIMEOUT = { timeoutMs: 120_000 };
/**
 * `shop` has values in memory, `kept` has them on disk and begins with a snapshot, `packed` has compressed segments and was cleared. The
 * server was killed. Each listing is what 0.1 answered before.
 */
const GOLDEN = fileURLToPath(new URL('../../../test/golden/version-1/', import.meta.url));
const PROJECTS = ['kept', 'packed', 'shop'] as const;

function keysOf(project: string): string {
  return `/api/v1/projects/${project}/keys`;
}

function layOut(bench: Workbench): void {
  for (const name of ['config.json', 'data']) cpSync(`${GOLDEN}${name}`, bench.path(name), { recursive: true });
}

async function assertListed(server: ServerUnderTest, project: string): Promise<void> {
  const { status, text } = await server.send('GET', keysOf(project));
  assert.deepEqual([status, text], [200, readFileSync(`${GOLDEN}${project}.listing.json`, 'utf8')], project);
}

/** The formats of the snapshots of a project. */
function snapshotFormats(bench: Workbench, project: string): Set<string> {
  const folder = bench.path('data', project);
  const manifests = readdirSync(folder).filter((name) => name.endsWith('.manifest'));
  return new Set(manifests.map((name) => /"format":"([^"]+)"/.exec(readFileSync(`${folder}/${name}`, 'utf8'))?.[1] ?? ''));
}

async function verifiedFindings(bench: Workbench): Promise<string> {
  const { code, stdout } = await run(bench, 'verify', '--config', 'config.json');
  return code === 0 ? '' : stdout;
}

test('every key is there with its version, and old snapshots verify beside the new ones', () => withWorkbench(async (bench) => {
  layOut(bench);
  assert.equal(await verifiedFindings(bench), '');
  const server = await bench.start();
  for (const project of PROJECTS) await assertListed(server, project);
  // A version from a snapshot has the digits of the log id for its tag, as 0.1 answered; one that is replayed has those of its line.
  const { log_id: logId } = JSON.parse((await server.send('GET', '/api/v1/projects/shop')).text) as { log_id: string };
  const etagOf = async (key: string): Promise<string> => String((await server.send('GET', `${keysOf('shop')}/${key}`)).headers.etag);
  const [old, replayed] = [await etagOf('user%2F5'), await etagOf('user%2F4')];
  assert.equal(old, `"6-${logId.slice(0, 8)}"`);
  const line = readFileSync(bench.path('data', 'shop.jsonl'), 'utf8').split('\n').find((text) => text.startsWith('{"seq":43,')) ?? '';
  assert.equal(replayed, `"43-${/"hash":"(.{8})/.exec(line)?.[1] ?? ''}"`);
  const held = await server.send('PUT', `${keysOf('shop')}/user%2F6`, { body: '1', headers: { 'If-Match': `"7-${logId.slice(0, 8)}"` } });
  assert.equal(held.status, 200);
  await server.send('PUT', `${keysOf('shop')}/user%2F6`, { body: '{"name":"Zoë 6","n":6.0}' });
  for (const project of PROJECTS) assert.equal((await server.send('POST', `/api/v1/projects/${project}/compact`)).status, 200);
  await server.stop();

  assert.deepEqual(snapshotFormats(bench, 'shop'), new Set(['simplekv-snapshot/1', 'simplekv-snapshot/2']));
  assert.equal(await verifiedFindings(bench), '');
  const again = await bench.start();
  for (const project of PROJECTS) await assertListed(again, project);
  assert.deepEqual([String((await again.send('GET', `${keysOf('shop')}/user%2F5`)).headers.etag)], [old]);
  await again.stop();
}), TIMEOUT);

test('once all snapshots are new ones, versions that came from an old one still verify', () => withWorkbench(async (bench) => {
  layOut(bench);
  const server = await bench.start();
  for (const key of ['x', 'y', 'z']) {
    assert.equal((await server.send('PUT', `${keysOf('shop')}/${key}`, { body: '1' })).status, 201);
    assert.equal((await server.send('POST', '/api/v1/projects/shop/compact')).status, 200);
  }
  await server.stop();
  assert.deepEqual(snapshotFormats(bench, 'shop'), new Set(['simplekv-snapshot/2']));
  assert.equal(await verifiedFindings(bench), '');
}), TIMEOUT);

test.run();
