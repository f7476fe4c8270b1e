import assert from 'node:assert/strict';
import { crc32 } from 'node:zlib';
import type { ProjectEvent } from '../../src/events/event.js';
import { checksumOfKeys, checksumOfRange, keysChecksum } from '../../src/events/keys-checksum.js';
import { BUILT_IN_SETTINGS } from '../../src/events/project-settings.js';
import { suite } from '../suite.js';

const test = suite('keys-checksum');

test('it is the CRC-32 of the keys, each with a line feed after it, in their order', () => {
  assert.equal(checksumOfKeys(['a', 'Zoë']), crc32(Buffer.from('a\nZoë\n')));
  assert.notEqual(checksumOfKeys(['a', 'b']), checksumOfKeys(['b', 'a']));
  assert.notEqual(checksumOfKeys(['ab']), checksumOfKeys(['a', 'b']));
});

test('a batch has that of the keys that it sets, or without any of those that it deletes', () => {
  const [a, b, c] = [{ op: 'set', key: 'a', value: '1' }, { op: 'delete', key: 'b' }, { op: 'set', key: 'c', value: '1' }] as const;
  assert.equal(keysChecksum({ op: 'batch', ops: [a, b, c] }), checksumOfKeys(['a', 'c']));
  assert.equal(keysChecksum({ op: 'batch', ops: [{ op: 'delete', key: 'b' }, { op: 'delete', key: 'a' }] }), checksumOfKeys(['b', 'a']));
  assert.equal(keysChecksum({ op: 'set', key: 'a', value: '1' }), checksumOfKeys(['a']));
  assert.equal(keysChecksum({ op: 'delete', key: 'b' }), checksumOfKeys(['b']));
  const until = { expires_at: '2026-11-28T15:00:00.000Z', key: 'e' } as const;
  assert.equal(keysChecksum({ op: 'set.until', ...until, value: '1' }), checksumOfKeys(['e']));
  assert.equal(keysChecksum({ op: 'touch', ...until }), checksumOfKeys(['e']));
  assert.equal(keysChecksum({ op: 'batch', ops: [{ op: 'touch', ...until }, b, { op: 'set.until', ...until, key: 'f', value: '1' }] }),
    checksumOfKeys(['f']));
});

test('a range has that of its conditions, all keys have 0, and what changes no data has none', () => {
  const range: ProjectEvent = { op: 'clear.range', prefix: 'user/', start: null, end: null, count: 3 };
  assert.equal(keysChecksum(range), crc32('["user/",null,null]'));
  assert.equal(keysChecksum(range), checksumOfRange({ prefix: 'user/' }));
  assert.equal(keysChecksum({ op: 'clear', count: 3 }), 0);
  for (const op of ['project.create', 'project.update', 'project.key'] as const) {
    assert.equal(keysChecksum({ op, settings: BUILT_IN_SETTINGS, key_id: null }), undefined);
  }
  assert.equal(keysChecksum({ op: 'expire', keys: ['a'] }), undefined);
});

test.run();
