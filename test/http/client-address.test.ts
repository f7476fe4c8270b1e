import assert from 'node:assert/strict';
import type { IncomingMessage } from 'node:http';
import { addressOfSocket, addressReader } from '../../src/http/client-address.js';
import { suite } from '../suite.js';

const test = suite('client-address');

function requestFrom(remoteAddress: string | undefined, forwarded?: string): IncomingMessage {
  const headers = forwarded === undefined ? {} : { 'x-forwarded-for': forwarded };
  return { socket: { remoteAddress }, headers } as unknown as IncomingMessage;
}

test('addressReader() ignores X-Forwarded-For where no proxy is trusted', () => {
  assert.equal(addressReader([])(requestFrom('192.0.2.1', '198.51.100.7')), '192.0.2.1');
});

test('addressReader() believes trusted proxies and nobody before them', () => {
  const addressOf = addressReader(['127.0.0.1', '10.0.0.0/8']);
  assert.equal(addressOf(requestFrom('127.0.0.1', '198.51.100.7')), '198.51.100.7');
  assert.equal(addressOf(requestFrom('127.0.0.1', '203.0.113.5, 198.51.100.7, 10.1.1.1')), '198.51.100.7');
  assert.equal(addressOf(requestFrom('192.0.2.1', '198.51.100.7')), '192.0.2.1');
});

test('addressReader() falls back to the socket where a proxy passes on rubbish', () => {
  const addressOf = addressReader(['127.0.0.1']);
  assert.equal(addressOf(requestFrom('127.0.0.1', '"; drop')), '127.0.0.1');
  assert.equal(addressOf(requestFrom(undefined)), '0.0.0.0');
});

test('an IPv4 address has one name, whichever socket or header it came in', () => {
  assert.equal(addressOfSocket({ remoteAddress: '::ffff:192.0.2.1' }), '192.0.2.1');
  assert.equal(addressOfSocket({ remoteAddress: '::ffff:0:1' }), '::ffff:0:1');
  assert.equal(addressReader([])(requestFrom('::ffff:192.0.2.1')), '192.0.2.1');
  assert.equal(addressReader(['127.0.0.1'])(requestFrom('::ffff:127.0.0.1', '::ffff:192.0.2.1')), '192.0.2.1');
});

test('a socket whose other end is not known any more has no address', () => {
  assert.equal(addressOfSocket({ remoteAddress: undefined }), null);
  assert.equal(addressOfSocket({}), null);
});

test.run();
