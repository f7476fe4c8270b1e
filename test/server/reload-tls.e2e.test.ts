/** New files for HTTPS while connections are open. */
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { renameSync, writeFileSync } from 'node:fs';
import { connect, type TLSSocket } from 'node:tls';
import { CERT, KEY, OTHER_CERT, OTHER_KEY } from '../http/test-certificate.js';
import { type ServerUnderTest, until, withWorkbench, type Workbench } from '../e2e/server-under-test.js';
import { suite } from '../suite.js';

const test = suite('reload-tls.e2e');

const REQUEST = 'GET /livez HTTP/1.1\r\nHost: localhost\r\n\r\n';

function writePair(bench: Workbench, key: string, cert: string): void {
  // Renamed into place, as tools that renew certificates do.
  for (const [name, text] of [['key.pem', key], ['cert.pem', cert]] as const) {
    writeFileSync(bench.path(`${name}.new`), text);
    renameSync(bench.path(`${name}.new`), bench.path(name));
  }
}

async function open({ port }: { readonly port: number }, ca: string): Promise<TLSSocket> {
  const socket = connect({ port, host: '127.0.0.1', servername: 'localhost', ca });
  await Promise.race([once(socket, 'secureConnect'), once(socket, 'error').then(([error]) => Promise.reject(error as Error))]);
  return socket;
}

async function isAnswered(socket: TLSSocket): Promise<boolean> {
  socket.write(REQUEST);
  const [piece] = await once(socket, 'data') as [Buffer];
  return piece.toString('latin1').startsWith('HTTP/1.1 200 ');
}

/** HTTPS, so that the helper for HTTP cannot ask whether it is ready. */
async function startTls(bench: Workbench): Promise<ServerUnderTest> {
  const server = bench.spawn();
  const { url } = await server.line('serving', ({ msg }) => msg === 'serving');
  server.url = String(url);
  return server;
}

async function reload(server: ServerUnderTest, count: number): Promise<void> {
  server.process.kill('SIGHUP');
  await until('a reload', () => (server.lines.filter(({ msg }) => /was (not )?reloaded/.test(String(msg))).length === count || undefined));
}

test('a reload gives new connections the new certificate, and open ones go on', () => withWorkbench(async (bench) => {
  writePair(bench, KEY, CERT);
  bench.configure([], { tls: { key_file: 'key.pem', cert_file: 'cert.pem' } });
  const server = await startTls(bench);
  const before = await open(server, CERT);
  assert.ok(await isAnswered(before));
  writePair(bench, OTHER_KEY, OTHER_CERT);
  await assert.rejects(open(server, OTHER_CERT));
  await reload(server, 1);
  assert.deepEqual(server.lines.find(({ msg }) => msg === 'the configuration was reloaded')?.['changed'], ['tls']);
  const after = await open(server, OTHER_CERT);
  assert.ok(await isAnswered(after));
  await assert.rejects(open(server, CERT));
  assert.ok(await isAnswered(before));
  // Half of a change: the key does not belong to the certificate.
  writeFileSync(bench.path('key.pem'), KEY);
  await reload(server, 2);
  assert.ok(server.lines.some(({ msg, level }) => msg === 'the configuration was not reloaded; nothing was changed' && level === 'error'));
  assert.ok(await isAnswered(await open(server, OTHER_CERT)));
  for (const socket of [before, after]) socket.destroy();
}));

test.run();
