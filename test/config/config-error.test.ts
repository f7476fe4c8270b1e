import assert from 'node:assert/strict';
import { ConfigError } from '../../src/config/config-error.js';
import { suite } from '../suite.js';

const test = suite('config-error');

test('the message has the file, the pointer, the value and the expectation', () => {
  const error = new ConfigError({ pointer: '/server_port', found: '70000', expected: 'a port' }, { file: '/etc/simplekv/config.json' });
  assert.equal(error.message, 'Cannot use the configuration "/etc/simplekv/config.json": /server_port is 70000, expected a port');
  assert.equal(error.name, 'ConfigError');
});

test('the message omits what is unknown', () => {
  assert.equal(new ConfigError({ pointer: '', expected: 'UTF-8' }).message, 'Cannot use the configuration: it must be UTF-8');
  assert.equal(new ConfigError({ pointer: '/x', expected: 'a key' }).message, 'Cannot use the configuration: /x must be a key');
});

test('a missing and an unknown setting have messages of their own, with and without a file', () => {
  const missing = new ConfigError({ pointer: '/projects', expected: 'x', kind: 'missing' });
  const said = 'Cannot use the configuration "/c": /projects is missing: docs/configuration.md shows what belongs there';
  assert.equal(missing.inFile('/c').message, said);
  const unknown = new ConfigError({ pointer: '/x', expected: 'x', kind: 'unknown' });
  assert.match(unknown.inFile('/c').message, /: \/x is not a setting of this version: correct its name, or remove it$/);
});

test('inFile() adds the file and keeps everything else', () => {
  const cause = new Error('underneath');
  const error = new ConfigError({ pointer: '/x', found: '1', expected: '2' }, { cause }).inFile('/a/b.json');
  assert.deepEqual([error.pointer, error.found, error.expected, error.file, error.cause], ['/x', '1', '2', '/a/b.json', cause]);
});

test('the message is one line without control characters, whatever the file contains', () => {
  const error = new ConfigError({ pointer: '/a\nb\u001b[31m\u2028\u009b', found: '"\r"', expected: 'x' }, { file: '/a\nb' });
  assert.equal(error.message, 'Cannot use the configuration "/a\\nb": /a\\u000ab\\u001b[31m\\u2028\\u009b is "\\u000d", expected x');
});

test.run();
