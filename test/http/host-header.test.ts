import assert from 'node:assert/strict';
import { hostGuard, parseHost } from '../../src/http/host-header.js';
import { suite } from '../suite.js';

const test = suite('host-header');

test('parseHost() parses names and addresses with and without a port', () => {
  const table: readonly (readonly [string, string, boolean, number | null])[] = [
    ['localhost', 'localhost', false, null],
    ['LOCALHOST:80', 'localhost', false, 80],
    ['127.0.0.1', '127.0.0.1', true, null],
    ['127.0.0.1:23849', '127.0.0.1', true, 23849],
    ['[::1]', '::1', true, null],
    ['[::1]:80', '::1', true, 80],
    ['[2001:DB8::1]', '2001:db8::1', true, null],
    ['a.example:', 'a.example', false, null],
    ['127.1', '127.1', false, null],
  ];
  for (const [text, name, isAddress, port] of table) assert.deepEqual(parseHost(text), { name, isAddress, port }, text);
});

test('parseHost() rejects malformed texts', () => {
  for (const text of [
    '',
    ':80',
    'a b',
    'a/b',
    'a@b',
    '::1',
    '[::1',
    '[g::1]',
    '[]',
    '[127.0.0.1]',
    'a:b',
    'a:1:2',
    'a:123456',
    'a?b',
    'a#b',
    '[::1]x',
    'a\\b',
    'é',
  ]) {
    assert.equal(parseHost(text), undefined, text);
  }
});

test('hostGuard() accepts addresses, localhost and the allowed names', () => {
  const isSafe = hostGuard(['Name.Example', 'with-port.example:80']);
  const safe = (text: string): boolean => {
    const host = parseHost(text);
    assert.ok(host);
    return isSafe(host);
  };
  for (const text of ['localhost:1', '10.0.0.1', '[::1]:1', 'name.example', 'NAME.EXAMPLE:99', 'with-port.example'])
    assert.equal(safe(text), true, text);
  for (const text of [
    'evil.example',
    'localhost.evil.example',
    'x.name.example',
    '127.0.0.1.evil.example',
    '127.1',
    '0x7f.0.0.1',
    'name.example.',
  ])
    assert.equal(safe(text), false, text);
});

test.run();
