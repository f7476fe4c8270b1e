import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { generateApiKey } from '../../src/auth/api-key.js';
import { digestKey, hashApiKey, hashTyped, hashGenerated, keyIdOf, parseKeyHash } from '../../src/auth/key-hash.js';
import { randomSalt } from '../../src/base/random-id.js';
import { fc } from '../properties.js';
import { suite } from '../suite.js';

const test = suite('key-hash');

const SALT = 'AAAAAAAAAAAAAAAAAAAAAA';

test('hashGenerated() is the sha256 of the whole key, as sha256sum prints it', () => {
  assert.equal(hashGenerated('abc'), 'sha256:ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad');
});

test('hashTyped() is scrypt with its work factors, its salt and 32 bytes', async () => {
  assert.equal(await hashTyped('opensesame', SALT), 'scrypt:32768:8:3:AAAAAAAAAAAAAAAAAAAAAA:35O7VHmObRKt7-QNatal7Xbj5O9D3A2LpCpyEeBe4G8');
});

test('hashTyped() depends on key and salt', async () => {
  const [first, again, otherKey, otherSalt] = await Promise.all([
    hashTyped('opensesame', SALT),
    hashTyped('opensesame', SALT),
    hashTyped('opensesamf', SALT),
    hashTyped('opensesame', randomSalt()),
  ]);
  assert.equal(first, again);
  assert.notEqual(first, otherKey);
  assert.notEqual(first, otherSalt);
});

test('hashTyped() rejects instead of throwing when it cannot start', async () => {
  await assert.rejects(hashTyped(undefined as unknown as string, SALT), TypeError);
});

test('hashApiKey() hashes generated keys with sha256 and all others with scrypt', async () => {
  const generated = generateApiKey('project');
  const changed = generated.slice(0, -1) + (generated.endsWith('0') ? '1' : '0');
  assert.equal(await hashApiKey(generated, SALT), hashGenerated(generated));
  assert.match(await hashApiKey(changed, SALT), /^scrypt:32768:8:3:A{22}:/);
  assert.match(await hashApiKey('opensesame', SALT), /^scrypt:32768:8:3:A{22}:/);
});

test('parseKeyHash() parses both schemes', async () => {
  assert.deepEqual(parseKeyHash(hashGenerated('abc')), { scheme: 'sha256', digest: digestKey('abc') });
  const typed = parseKeyHash(await hashTyped('opensesame', SALT));
  assert.equal(typed?.scheme, 'scrypt');
  assert.equal(typed.salt, SALT);
  assert.equal(typed.digest.length, 32);
});

test('parseKeyHash() reads back every salt and every digest', () => {
  const bytes = (length: number): fc.Arbitrary<Buffer> =>
    fc.uint8Array({ minLength: length, maxLength: length }).map((array) => Buffer.from(array));
  const property = fc.property(bytes(16), bytes(32), (salt, digest) => {
    const text = `scrypt:32768:8:3:${salt.toString('base64url')}:${digest.toString('base64url')}`;
    assert.deepEqual(parseKeyHash(text), { scheme: 'scrypt', salt: salt.toString('base64url'), digest });
  });
  fc.assert(property);
});

test('parseKeyHash() rejects everything that is not exactly a stored hash', () => {
  const hex = 'ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad';
  const hash = 'A'.repeat(43);
  const refused = [
    '',
    hex,
    'sha256:',
    `sha256:${hex.slice(1)}`,
    `sha256:${hex}0`,
    `sha256:${hex.toUpperCase()}`,
    `SHA256:${hex}`,
    ` sha256:${hex}`,
    `sha256:${hex}\n`,
    `md5:${hex}`,
    `scrypt:${SALT}:${hash}`,
    `scrypt:1048576:8:3:${SALT}:${hash}`,
    `scrypt:32768:8:1:${SALT}:${hash}`,
    `scrypt:32768:8:3:${SALT}A:${hash}`,
    `scrypt:32768:8:3:${SALT}:${hash}=`,
    `scrypt:32768:8:3:${SALT}:${hash.slice(1)}+`,
    `scrypt:32768:8:3:${SALT}:${hash}:`,
  ];
  for (const text of refused) assert.equal(parseKeyHash(text), undefined, JSON.stringify(text));
});

test('parseKeyHash() rejects a second spelling of the same bytes', () => {
  assert.equal(parseKeyHash(`scrypt:32768:8:3:${SALT}:${'A'.repeat(42)}B`), undefined);
  assert.equal(parseKeyHash(`scrypt:32768:8:3:${'A'.repeat(21)}B:${'A'.repeat(43)}`), undefined);
});

test('keyIdOf() is the first 16 hexadecimal digits of SHA-256 of the stored text', () => {
  const stored = hashGenerated('abc');
  assert.equal(keyIdOf(stored), createHash('sha256').update(stored).digest('hex').slice(0, 16));
  assert.match(keyIdOf(stored), /^[0-9a-f]{16}$/);
});

test.run();
