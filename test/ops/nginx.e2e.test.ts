/** The server block for nginx: checked by nginx, and requests through it. */
import assert from 'node:assert/strict';
import { spawn, spawnSync } from 'node:child_process';
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { SERVER_SETTINGS } from '../../src/config/settings-table.js';
import { until, withWorkbench, type Workbench } from '../e2e/server-under-test.js';
import { program } from '../needs.js';
import { suite } from '../suite.js';
import { projectRoot } from '../tidy/source-tree.js';
import { freePort } from './free-port.js';

const test = suite('ops/nginx.e2e');

const BLOCK = readFileSync(path.join(projectRoot(), 'ops/nginx/simplekv.conf'), 'utf8');
const NGINX = { needs: [program('nginx', 'nginx-light')] };
const UPSTREAM = `proxy_pass http://127.0.0.1:${SERVER_SETTINGS.server_port.default};`;

/** Writes a whole configuration around the block; gives its path. */
function writeConfig(bench: Workbench, block: string): string {
  mkdirSync(bench.path('temp'));
  const temps = ['client_body', 'proxy', 'fastcgi', 'uwsgi', 'scgi'].map((name) => `${name}_temp_path ${bench.path('temp', name)};`);
  const file = bench.path('nginx.conf');
  const http = `http {\naccess_log off;\n${temps.join('\n')}\n${block}\n}\n`;
  writeFileSync(file, `daemon off;\nmaster_process off;\npid ${bench.path('nginx.pid')};\nerror_log stderr;\nevents {}\n${http}`);
  return file;
}

test('nginx accepts the block, and the port in it is that of a first run', () => withWorkbench((bench) => {
  const { status, stderr } = spawnSync('nginx', ['-t', '-p', bench.folder, '-c', writeConfig(bench, BLOCK)], { encoding: 'utf8' });
  assert.equal(status, 0, stderr);
  const directives = BLOCK.split('\n').map((line) => line.trim());
  for (const expected of [
    // With a path after the port, nginx decodes %2F and rewrites the path.
    UPSTREAM, 'merge_slashes off;', 'proxy_set_header Host $http_host;', 'proxy_buffering off;', 'client_max_body_size 8m;',
    'proxy_set_header X-Forwarded-For $proxy_add_x_forwarded_for;',
  ]) assert.ok(directives.includes(expected), expected);
  return Promise.resolve();
}), NGINX);

test('keys pass through nginx unchanged, the address of the client arrives, and so do events', () => withWorkbench(async (bench) => {
  bench.configure([{ id: 'shop', authentication: { enabled: false } }], { trusted_proxies: ['127.0.0.1'] });
  const server = await bench.start();
  const port = await freePort();
  const block = BLOCK.replace(UPSTREAM, `proxy_pass ${server.url};`).replace('listen 80;', `listen 127.0.0.1:${port};`);
  const nginx = spawn('nginx', ['-p', bench.folder, '-c', writeConfig(bench, block)], { stdio: 'ignore' });
  bench.defer(() => nginx.kill('SIGKILL'));
  const proxied = `http://127.0.0.1:${port}`;
  await until('nginx', async () => await fetch(`${proxied}/livez`).then(({ status }) => status === 200 || undefined, () => undefined));
  for (const [index, key] of ['a%2Fb', 'a//b', 'a%20b%3F', '..%2F..', 'a+b', '%E2%82%AC'].entries()) {
    const target = `/api/v1/projects/shop/keys/${key}`;
    const headers = { 'Content-Type': 'application/json' };
    assert.equal((await fetch(`${proxied}${target}`, { method: 'PUT', headers, body: String(index) })).status, 201, key);
    assert.equal((await server.send('GET', target)).text, String(index), key);
    assert.equal(await (await fetch(`${proxied}${target}`)).text(), String(index), key);
  }
  await fetch(`${proxied}/livez`, { headers: { 'X-Forwarded-For': '203.0.113.7', 'X-Request-Id': 'through-the-proxy' } });
  const { remote } = await server.line('the request', ({ request_id: id }) => id === 'through-the-proxy');
  // The client is on this machine, too, whose addresses are trusted, so it counts as another proxy.
  assert.equal(remote, '203.0.113.7');
  const events = await fetch(`${proxied}/api/v1/projects/shop/events?since=0`, { headers: { Accept: 'text/event-stream' } });
  const reader = events.body?.getReader();
  let text = '';
  while (!text.includes('data: ')) {
    const { value, done } = await (reader ?? assert.fail('a stream')).read();
    assert.equal(done, false, text);
    text += new TextDecoder().decode(value as Uint8Array);
  }
  await reader?.cancel();
  nginx.kill('SIGTERM');
}), NGINX);

test.run();
