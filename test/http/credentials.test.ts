import assert from 'node:assert/strict';
import { findCredentials } from '../../src/http/credentials.js';
import { NO_HEADERS, pickHeaders } from '../../src/http/request-headers.js';
import { suite } from '../suite.js';

const test = suite('credentials');

function find(...rawHeaders: string[]): unknown {
  return findCredentials(pickHeaders(rawHeaders));
}

test('findCredentials() finds the one key in either header', () => {
  assert.deepEqual(findCredentials(NO_HEADERS), { kind: 'none' });
  for (const scheme of ['Bearer', 'bearer', 'BEARER', 'Bearer '])
    assert.deepEqual(find('Authorization', `${scheme} k`), { kind: 'key', key: 'k' });
  assert.deepEqual(find('X-API-KEY', 'k'), { kind: 'key', key: 'k' });
});

test('findCredentials() reads a key beyond ASCII as the UTF-8 that was sent', () => {
  assert.deepEqual(find('X-API-Key', Buffer.from('schlüssel').toString('latin1')), { kind: 'key', key: 'schlüssel' });
  assert.deepEqual(find('X-API-Key', '\u00ff'), { kind: 'key', key: '\u00ff' });
});

test('findCredentials() calls everything else malformed', () => {
  for (const value of ['', 'Bearer', 'Bearer ', 'Basic eDp5', 'k', 'Bearerk', 'Token k'])
    assert.deepEqual(find('Authorization', value), { kind: 'malformed' }, value);
  assert.deepEqual(find('X-API-Key', ''), { kind: 'malformed' });
});

test('findCredentials() refuses two of anything', () => {
  const pairs = [
    ['Authorization', 'Bearer k'],
    ['authorization', 'Basic k'],
    ['X-API-Key', 'k'],
    ['x-api-key', ''],
  ] as const;
  for (const first of pairs) {
    for (const second of pairs) assert.throws(() => find(...first, 'Accept', '*/*', ...second), { code: 'ambiguous_credentials' });
  }
});

test('pickHeaders() finds no header in the prototype of an object', () => {
  assert.deepEqual(pickHeaders(['__proto__', 'x', 'constructor', 'y', 'HOST', 'z', 'hOsT', 'w']), { ...NO_HEADERS, hosts: ['z', 'w'] });
});

test.run();
