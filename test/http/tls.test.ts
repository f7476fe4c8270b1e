import assert from 'node:assert/strict';
import { request } from 'node:https';
import { connect } from 'node:tls';
import { suite } from '../suite.js';
import { exchange, open } from './raw-client.js';
import { CERT, KEY } from './test-certificate.js';
import { withServer } from './test-server.js';

const test = suite('tls');

const OPTIONS = { http: { tls: { key: KEY, cert: CERT } } };

test('with key and certificate the server speaks TLS and closes its connections', () =>
  withServer(async (server) => {
    const status = await new Promise((resolve, reject) => {
      const options = { port: server.port, host: '127.0.0.1', servername: 'localhost', ca: CERT, path: '/livez' };
      const sent = request(options, (response) => {
        response.resume();
        response.on('end', () => resolve(response.statusCode));
      });
      sent.on('error', reject);
      sent.end();
    });
    assert.equal(status, 200);
  }, OPTIONS));

test('plain HTTP and old TLS versions get no answer and do no harm', () =>
  withServer(async (server) => {
    const { text } = await exchange(server.port, 'GET /livez HTTP/1.1\r\nHost: x\r\n\r\n', { half: true });
    assert.doesNotMatch(text, /200 OK/);
    const outcome = await new Promise((resolve) => {
      const socket = connect({
        port: server.port,
        host: '127.0.0.1',
        ca: CERT,
        servername: 'localhost',
        minVersion: 'TLSv1',
        maxVersion: 'TLSv1.1',
      });
      socket.once('secureConnect', () => resolve('connected'));
      socket.once('error', () => resolve('refused'));
    });
    assert.equal(outcome, 'refused');
  }, OPTIONS));

test('a handshake that never starts does not delay close()', () =>
  withServer(async (server) => {
    await open(server.port);
  }, OPTIONS));

test('a failed handshake is logged with its address and error, not as a request', () =>
  withServer(async (server) => {
    await exchange(server.port, 'GET /livez HTTP/1.1\r\nHost: x\r\n\r\n');
    for (let attempt = 0; attempt < 500 && server.lines.length === 0; attempt += 1) await new Promise((resolve) => setTimeout(resolve, 5));
    const { time: _time, ...line } = server.lines[0] ?? {};
    const expected = { level: 'info', remote: '127.0.0.1', fault: 'ERR_SSL_HTTP_REQUEST', msg: 'TLS failed on a connection' };
    assert.deepEqual([line, server.lines.length], [expected, 1]);
  }, OPTIONS));

test.run();
