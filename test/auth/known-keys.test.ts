import assert from 'node:assert/strict';
import { createHmac } from 'node:crypto';
import { digestKey, hashGenerated } from '../../src/auth/key-hash.js';
import { type HashInForce, KNOWN_KEYS_FORMAT, KnownKeys, type ScopedHash } from '../../src/auth/known-keys.js';
import { InvariantError } from '../../src/base/invariant.js';
import { suite } from '../suite.js';

const test = suite('known-keys');

const SALT = 'AAAAAAAAAAAAAAAAAAAAAA';
const OTHER_SALT = 'BBBBBBBBBBBBBBBBBBBBBA';
const KEY = 'open-sesame';

/** A hash in the form of scrypt, without its cost. */
function quickHash(key: string, salt: string = SALT): string {
  return `scrypt:32768:8:3:${salt}:${digestKey(salt + key).toString('base64url')}`;
}

const GLOBAL: ScopedHash = { scope: 'global', hash: quickHash(KEY) };
const ALPHA: ScopedHash = { scope: 'project:alpha', hash: quickHash(KEY) };

function inForce(...places: readonly ScopedHash[]): HashInForce {
  return (scope) => places.find((place) => place.scope === scope)?.hash;
}

function knowing(...entries: readonly (readonly [string, ScopedHash])[]): KnownKeys {
  const keys = new KnownKeys();
  for (const [key, place] of entries) keys.learn(key, place);
  return keys;
}

function reread(keys: KnownKeys): KnownKeys {
  return KnownKeys.fromText(keys.toText()) ?? assert.fail('what was written can be read');
}

/** The text of the document after a change. */
function altered(keys: KnownKeys, change: (document: Record<string, unknown>) => unknown): string {
  const document = JSON.parse(keys.toText()) as Record<string, unknown>;
  return JSON.stringify(change(document) ?? document);
}

test('a learned key is recalled as the current hash, also after a round trip through text', () => {
  const keys = knowing([KEY, ALPHA], ['another key', { scope: 'global', hash: quickHash('another key') }]);
  for (const each of [keys, reread(keys), reread(reread(keys))]) {
    assert.equal(each.recall(KEY, SALT, inForce(ALPHA)), ALPHA.hash);
    assert.equal(each.recall('another key', SALT, inForce({ scope: 'global', hash: quickHash('another key') })), quickHash('another key'));
    assert.equal(each.recall(`${KEY}x`, SALT, inForce(ALPHA)), undefined);
  }
});

test('a key is not recalled once the scope has another hash, no hash, or another scope has it', () => {
  const keys = reread(knowing([KEY, ALPHA]));
  const rows: readonly (readonly ScopedHash[])[] = [
    [], [{ ...ALPHA, hash: quickHash('the next key') }], [GLOBAL], [{ scope: 'project:beta', hash: ALPHA.hash }],
    [{ ...ALPHA, hash: quickHash(KEY, OTHER_SALT) }],
  ];
  for (const places of rows) assert.equal(keys.recall(KEY, SALT, inForce(...places)), undefined, JSON.stringify(places));
  assert.equal(keys.recall(KEY, OTHER_SALT, inForce(ALPHA)), undefined);
  assert.equal(keys.recall(KEY, SALT, inForce(ALPHA)), ALPHA.hash);
});

test('learn() tells whether the key was new for its scope', () => {
  const keys = new KnownKeys();
  assert.deepEqual([keys.learn(KEY, ALPHA), keys.learn(KEY, ALPHA), reread(keys).learn(KEY, ALPHA)], [true, false, false]);
  const next = { ...ALPHA, hash: quickHash('the next key') };
  assert.deepEqual([keys.learn('the next key', next), keys.learn('the next key', next)], [true, false]);
  assert.throws(() => keys.learn(KEY, { scope: 'global', hash: hashGenerated(KEY) }), InvariantError);
});

test('a scope has one key, and a key that moves to another scope is known there', () => {
  const next = { ...ALPHA, hash: quickHash('the next key') };
  const keys = knowing([KEY, ALPHA], ['the next key', next]);
  assert.equal((keys.toText().match(/"digest"/g) ?? []).length, 1);
  assert.equal(keys.recall('the next key', SALT, inForce(next)), next.hash);
  keys.learn(KEY, GLOBAL);
  assert.equal(keys.recall(KEY, SALT, inForce(GLOBAL, next)), GLOBAL.hash);
  assert.equal(keys.recall('the next key', SALT, inForce(GLOBAL, next)), next.hash);
});

test('keepBound() drops only keys that are not bound to a current hash', () => {
  const keys = knowing([KEY, ALPHA], ['another key', { scope: 'project:beta', hash: quickHash('another key') }]);
  keys.keepBound(inForce(ALPHA, { scope: 'project:beta', hash: quickHash('replaced') }));
  assert.ok(!keys.toText().includes('project:beta'), keys.toText());
  assert.equal(keys.recall(KEY, SALT, inForce(ALPHA)), ALPHA.hash);
});

test('the text contains neither the key nor its hash, and its digest needs the pepper and the salt of the configuration', () => {
  const keys = knowing([KEY, ALPHA]);
  const text = keys.toText();
  const { pepper, keys: [entry] } = JSON.parse(text) as { pepper: string; keys: [{ digest: string }] };
  const secrets = [KEY, SALT, ALPHA.hash.split(':').at(-1) ?? '', digestKey(KEY).toString('hex'), digestKey(KEY).toString('base64url')];
  for (const secret of secrets) assert.ok(!text.includes(secret), secret);
  assert.equal(entry.digest, createHmac('sha256', Buffer.from(pepper, 'hex')).update(`digest\n${SALT}\n${KEY}`).digest('hex'));
  assert.ok(text.startsWith(`{\n  "format": "${KNOWN_KEYS_FORMAT}",\n`) && text.endsWith('}\n'), text);
  assert.notEqual((JSON.parse(knowing([KEY, ALPHA]).toText()) as { pepper: string }).pepper, pepper);
});

test('damaged text and other formats are rejected', () => {
  const keys = knowing([KEY, ALPHA]);
  const texts = [
    '', '{', 'null', '[]', '{}', keys.toText().slice(0, -3),
    altered(keys, (document) => { document['format'] = 'simplekv-known-keys/2'; }),
    altered(keys, (document) => { document['pepper'] = 'ab'; }),
    altered(keys, (document) => { document['pepper'] = 7; }),
    altered(keys, (document) => { delete document['keys']; }),
    altered(keys, (document) => { document['keys'] = [{ scope: 'global', digest: 'ab', binding: 'cd' }]; }),
    altered(keys, (document) => { document['more'] = 1; }),
    altered(keys, ({ keys: list, ...rest }) => ({ ...rest, keys: [...(list as unknown[]), null] })),
  ];
  for (const text of texts) assert.equal(KnownKeys.fromText(text), undefined, text);
});

test('changing a digest, a binding, a scope or the pepper makes the key unknown', () => {
  const keys = knowing([KEY, ALPHA]);
  const flip = (hex: string): string => (hex.startsWith('0') ? `1${hex.slice(1)}` : `0${hex.slice(1)}`);
  const { pepper, keys: [entry] } = JSON.parse(keys.toText()) as { pepper: string; keys: [{ digest: string; binding: string }] };
  const pairs = [pepper, entry.digest, entry.binding].map((hex) => [hex, flip(hex)] as const);
  for (const [from, to] of [...pairs, ['alpha', 'beta'] as const]) {
    const changed = KnownKeys.fromText(keys.toText().replace(from, to)) ?? assert.fail('the form is the same');
    const beta = { scope: 'project:beta', hash: ALPHA.hash };
    assert.equal(changed.recall(KEY, SALT, inForce(ALPHA, beta)), undefined, from);
  }
});

test.run();
