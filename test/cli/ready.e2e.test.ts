/** `simplekv ready`: 0 for a server that can serve, 1 for every other. */
import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { EXIT_CODES } from '../../src/cli/exit-codes.js';
import { withWorkbench } from '../e2e/server-under-test.js';
import { CERT, KEY } from '../http/test-certificate.js';
import { suite } from '../suite.js';
import { ended, run, start } from './program.js';

const test = suite('cli/ready.e2e');

test('a server that serves is ready, at a URL or that of the environment; a closed port is not', () => withWorkbench(async (bench) => {
  bench.configure([]);
  const server = await bench.start();
  assert.deepEqual(await run(bench, 'ready', '--url', server.url), { code: 0, signal: null, stdout: 'ready\n', stderr: '' });
  const asked = await ended(start(bench, ['ready'], { env: { SIMPLEKV_URL: server.url } }));
  assert.deepEqual([asked.code, asked.stdout], [0, 'ready\n']);
  await server.stop();
  const gone = await run(bench, 'ready', '--url', server.url);
  assert.deepEqual([gone.code, gone.stdout], [EXIT_CODES.failure, '']);
  assert.match(gone.stderr, /^simplekv: the server at http:\/\/127\.0\.0\.1:\d+ is not ready: ECONNREFUSED\n$/);
}));

test('the address is that of the configuration, under variables and options, also with HTTPS', () => withWorkbench(async (bench) => {
  for (const [name, text] of [['key.pem', KEY], ['cert.pem', CERT]] as const) writeFileSync(bench.path(name), text);
  bench.configure([], { tls: { key_file: 'key.pem', cert_file: 'cert.pem' } });
  const server = bench.spawn();
  const { url } = await server.line('serving', ({ msg }) => msg === 'serving');
  const { port } = new URL(String(url));
  // The certificate is for another name than the address: nothing secret is sent to the server of the configuration.
  assert.equal((await run(bench, 'ready', '--port', port)).code, 0);
  assert.equal((await ended(start(bench, ['ready'], { env: { SIMPLEKV_SERVER_PORT: port, SIMPLEKV_SERVER_HOST: '0.0.0.0' } }))).code, 0);
  // A URL is one of a person, who expects its certificate to be checked.
  assert.equal((await run(bench, 'ready', '--url', `https://127.0.0.1:${port}`)).code, EXIT_CODES.failure);
}));

test('a server that is not ready yet, and what is no server of this kind, is not', () => withWorkbench(async (bench) => {
  for (const status of [503, 404, 301]) {
    const other = createServer((_, response) => response.writeHead(status).end());
    await new Promise<void>((resolve) => other.listen(0, '127.0.0.1', resolve));
    const { port } = other.address() as AddressInfo;
    const { code, stderr } = await run(bench, 'ready', '--url', `http://127.0.0.1:${port}`);
    assert.deepEqual([code, stderr], [1, `simplekv: the server at http://127.0.0.1:${port} is not ready: it answered ${status}\n`]);
    other.close();
  }
}));

test('without a port there is nothing to ask, and a wrong URL is a usage error', () => withWorkbench(async (bench) => {
  bench.configure([]);
  const unknown = await run(bench, 'ready');
  assert.equal(unknown.code, EXIT_CODES.usage);
  assert.match(unknown.stderr, /server_port is 0\. Name the server with --url/);
  assert.equal((await run(bench, 'ready', '--url', 'kv.example')).code, EXIT_CODES.usage);
}));

test.run();
