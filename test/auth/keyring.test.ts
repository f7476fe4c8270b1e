import assert from 'node:assert/strict';
import { generateApiKey } from '../../src/auth/api-key.js';
import { digestKey, hashTyped, hashGenerated, keyIdOf } from '../../src/auth/key-hash.js';
import { Keyring, type KeyScope, type KeyOfList } from '../../src/auth/keyring.js';
import { KnownKeys } from '../../src/auth/known-keys.js';
import { AppError } from '../../src/base/app-error.js';
import { InvariantError } from '../../src/base/invariant.js';
import { ManualClock, MANUAL_CLOCK_START_MS } from '../base/manual-clock.js';
import { suite } from '../suite.js';
import { globalPrincipal, projectPrincipal } from './principals.js';

const test = suite('keyring');

const SALT = 'AAAAAAAAAAAAAAAAAAAAAA';
const OTHER_SALT = 'BBBBBBBBBBBBBBBBBBBBBA';
const GLOBAL: KeyScope = { kind: 'global' };
const ALPHA: KeyScope = { kind: 'project', project: 'alpha' };
const BETA: KeyScope = { kind: 'project', project: 'beta' };
const CALM = { address: '192.0.2.1', project: null };

/** A hash in the form of scrypt, without its cost. */
function quickHash(key: string, salt: string = SALT): string {
  return `scrypt:32768:8:3:${salt}:${digestKey(salt + key).toString('base64url')}`;
}

function countingKeyring(
  options: { cachedMax?: number; queueMax?: number; knownKeys?: KnownKeys } = {},
): { keyring: Keyring; derived: string[] } {
  const derived: string[] = [];
  const derive = async (key: string, salt: string): Promise<string> => {
    derived.push(key);
    return quickHash(key, salt);
  };
  return { keyring: new Keyring({ ...options, derive }), derived };
}

const isTooMany = (error: unknown): boolean => error instanceof AppError && error.code === 'too_many_failed_keys';

test('a generated key identifies its scope without a derivation', async () => {
  const { keyring, derived } = countingKeyring();
  const [globalKey, projectKey] = [generateApiKey('global'), generateApiKey('project')];
  keyring.setKey(GLOBAL, { hash: hashGenerated(globalKey) });
  keyring.setKey(ALPHA, { hash: hashGenerated(projectKey) });
  assert.deepEqual(await keyring.identify(globalKey, CALM), globalPrincipal(['all'], keyIdOf(hashGenerated(globalKey))));
  const owner = projectPrincipal('alpha', ['all'], keyIdOf(hashGenerated(projectKey)));
  assert.deepEqual(await keyring.identify(projectKey, CALM), owner);
  assert.deepEqual(derived, []);
});

test('a principal is valid until its key is replaced or removed, and always without a key', async () => {
  const keyring = new Keyring();
  const key = generateApiKey('project');
  keyring.setKey(ALPHA, { hash: hashGenerated(key) });
  const principal = await keyring.identify(key, CALM);
  assert.ok(principal !== null);
  const change = [
    (): void => keyring.setKey(ALPHA, { hash: hashGenerated(generateApiKey('project')) }), (): void => keyring.setKey(ALPHA, null),
    (): void => keyring.removeProject('alpha'),
  ];
  for (const end of change) {
    keyring.setKey(ALPHA, { hash: hashGenerated(key) });
    assert.equal(keyring.holds(principal), true);
    end();
    assert.equal(keyring.holds(principal), false);
    assert.equal(keyring.holds({ kind: 'anonymous' }), true);
  }
});

test('a key is looked up without a derivation, and the epoch tells whether keys have changed since', async () => {
  const { keyring } = countingKeyring();
  const key = generateApiKey('project');
  const epochs = new Set([keyring.epoch]);
  keyring.setKey({ kind: 'project', project: 'p' }, { hash: hashGenerated(key) });
  epochs.add(keyring.epoch);
  assert.equal(keyring.lookUp('typed by hand'), null);
  keyring.setKey({ kind: 'global' }, { hash: quickHash('typed by hand') });
  epochs.add(keyring.epoch);
  assert.deepEqual([keyring.lookUp(key)?.kind, keyring.lookUp('typed by hand'), keyring.lookUp('')], ['project', undefined, null]);
  assert.equal((await keyring.identify('typed by hand', CALM))?.kind, 'global');
  assert.equal(keyring.lookUp('typed by hand')?.kind, 'global');
  assert.equal(epochs.size, 3);
  keyring.removeProject('p');
  assert.ok(!epochs.has(keyring.epoch));
  assert.equal(keyring.lookUp(key), null);
});

test('an empty keyring knows no key', async () => {
  const { keyring, derived } = countingKeyring();
  assert.equal(await keyring.identify(generateApiKey('global'), CALM), null);
  assert.equal(await keyring.identify('opensesame', CALM), null);
  assert.deepEqual(derived, []);
});

test('a typed key is recognised with real scrypt', async () => {
  const keyring = new Keyring();
  const hash = await hashTyped('opensesame', SALT);
  keyring.setKey(ALPHA, { hash });
  assert.deepEqual(await keyring.identify('opensesame', CALM), projectPrincipal('alpha', ['all'], keyIdOf(hash)));
  assert.equal(await keyring.identify('opensesamf', CALM), null);
});

test('a typed key costs one derivation, then none', async () => {
  const { keyring, derived } = countingKeyring();
  keyring.setKey(ALPHA, { hash: quickHash('opensesame') });
  for (let time = 0; time < 5; time += 1) assert.equal((await keyring.identify('opensesame', CALM))?.kind, 'project');
  assert.deepEqual(derived, ['opensesame']);
});

test('a wrong key costs one derivation, then none', async () => {
  const { keyring, derived } = countingKeyring();
  keyring.setKey(ALPHA, { hash: quickHash('opensesame') });
  for (let time = 0; time < 5; time += 1) assert.equal(await keyring.identify('wrong key', CALM), null);
  assert.deepEqual(derived, ['wrong key']);
});

test('with a hundred typed keys each presented key still costs one derivation', async () => {
  const { keyring, derived } = countingKeyring();
  for (let index = 0; index < 100; index += 1) {
    keyring.setKey({ kind: 'project', project: `p${index}` }, { hash: quickHash(`typed ${index}`) });
  }
  const found = await keyring.identify('typed 57', CALM);
  assert.equal(found?.kind === 'project' && found.project, 'p57');
  assert.deepEqual(derived, ['typed 57']);
});

test('an intact generated key never needs a derivation, a changed one does', async () => {
  const { keyring, derived } = countingKeyring();
  keyring.setKey(ALPHA, { hash: quickHash('opensesame') });
  const key = generateApiKey('project');
  const changed = key.slice(0, -1) + (key.endsWith('0') ? '1' : '0');
  assert.equal(await keyring.identify(key, CALM), null);
  assert.deepEqual(derived, []);
  assert.equal(await keyring.identify(changed, CALM), null);
  assert.deepEqual(derived, [changed]);
});

test('a typed key stored in plain text is compared without a derivation', async () => {
  const { keyring, derived } = countingKeyring();
  keyring.setKey(ALPHA, { hash: quickHash('opensesame'), plain: 'opensesame' });
  assert.equal((await keyring.identify('opensesame', CALM))?.kind, 'project');
  assert.equal(await keyring.identify('something else', CALM), null);
  assert.deepEqual(derived, []);
  assert.equal(keyring.keyId(ALPHA), keyIdOf(quickHash('opensesame')));
});

test('plain null means that only the hash is stored', async () => {
  const { keyring, derived } = countingKeyring();
  keyring.setKey(ALPHA, { hash: quickHash('opensesame'), plain: null });
  assert.equal((await keyring.identify('opensesame', CALM))?.kind, 'project');
  assert.deepEqual(derived, ['opensesame']);
});

test('empty and overlong keys are unknown without a lookup', async () => {
  const { keyring, derived } = countingKeyring();
  const longest = 'k'.repeat(512);
  keyring.setKey(ALPHA, { hash: quickHash(longest) });
  assert.equal(await keyring.identify('', CALM), null);
  assert.equal(await keyring.identify('k'.repeat(513), CALM), null);
  assert.deepEqual(derived, []);
  assert.equal((await keyring.identify(longest, CALM))?.kind, 'project');
});

test('keys outside ASCII are compared and do not fail', async () => {
  const { keyring } = countingKeyring();
  keyring.setKey(ALPHA, { hash: quickHash('opensesame') });
  for (const presented of ['é', '\u0000', '😀'.repeat(100), '\ud800']) assert.equal(await keyring.identify(presented, CALM), null);
});

test('a replaced generated key stops working immediately and the new one works', async () => {
  const { keyring } = countingKeyring();
  const [before, after] = [generateApiKey('project'), generateApiKey('project')];
  keyring.setKey(ALPHA, { hash: hashGenerated(before) });
  assert.equal((await keyring.identify(before, CALM))?.kind, 'project');
  keyring.setKey(ALPHA, { hash: hashGenerated(after) });
  assert.equal(await keyring.identify(before, CALM), null);
  assert.equal((await keyring.identify(after, CALM))?.kind, 'project');
});

test('a cached typed key stops working when it is replaced, and the one refused before works', async () => {
  const { keyring, derived } = countingKeyring();
  keyring.setKey(ALPHA, { hash: quickHash('typed first') });
  assert.notEqual(await keyring.identify('typed first', CALM), null);
  assert.equal(await keyring.identify('typed next', CALM), null);
  keyring.setKey(ALPHA, { hash: quickHash('typed next') });
  assert.equal(await keyring.identify('typed first', CALM), null);
  assert.notEqual(await keyring.identify('typed next', CALM), null);
  // Both were derived before the change, and a derivation does not depend on the current keys.
  assert.deepEqual(derived, ['typed first', 'typed next']);
});

test('a key replaced during its derivation is refused', async () => {
  let finish = (): void => undefined;
  const derive = async (key: string, salt: string): Promise<string> => {
    await new Promise<void>((resolve) => { finish = resolve; });
    return quickHash(key, salt);
  };
  const keyring = new Keyring({ derive });
  keyring.setKey(ALPHA, { hash: quickHash('typed first') });
  const pending = keyring.identify('typed first', CALM);
  await new Promise((resolve) => { setImmediate(resolve); });
  keyring.setKey(ALPHA, { hash: quickHash('typed next') });
  finish();
  assert.equal(await pending, null);
});

test('a removed project and a key set to null are unknown', async () => {
  const { keyring } = countingKeyring();
  const [first, second] = [generateApiKey('project'), generateApiKey('project')];
  keyring.setKey(ALPHA, { hash: hashGenerated(first) });
  keyring.setKey(BETA, { hash: hashGenerated(second) });
  keyring.removeProject('alpha');
  keyring.setKey(BETA, null);
  assert.equal(await keyring.identify(first, CALM), null);
  assert.equal(await keyring.identify(second, CALM), null);
  assert.equal(keyring.keyId(ALPHA), null);
  assert.equal(keyring.keyId(BETA), null);
});

test('removing a project that has no key changes nothing', () => {
  const { keyring } = countingKeyring();
  keyring.removeProject('alpha');
  assert.equal(keyring.keyId(ALPHA), null);
});

test('a project named global is not the global scope', () => {
  const { keyring } = countingKeyring();
  keyring.setKey({ kind: 'project', project: 'global' }, { hash: hashGenerated('abc') });
  assert.equal(keyring.keyId(GLOBAL), null);
  assert.equal(keyring.keyId({ kind: 'project', project: 'global' }), keyIdOf(hashGenerated('abc')));
});

test('once no typed key is left nothing is derived', async () => {
  const { keyring, derived } = countingKeyring();
  keyring.setKey(ALPHA, { hash: quickHash('opensesame') });
  keyring.removeProject('alpha');
  assert.equal(await keyring.identify('opensesame', CALM), null);
  assert.deepEqual(derived, []);
});

test('the salt may change once no typed key is left, which invalidates the caches', async () => {
  const { keyring, derived } = countingKeyring();
  keyring.setKey(ALPHA, { hash: quickHash('opensesame') });
  assert.notEqual(await keyring.identify('opensesame', CALM), null);
  keyring.setKey(ALPHA, { hash: quickHash('opensesame', OTHER_SALT) });
  assert.notEqual(await keyring.identify('opensesame', CALM), null);
  assert.deepEqual(derived, ['opensesame', 'opensesame']);
});

test('setting the same key again is harmless', async () => {
  const { keyring } = countingKeyring();
  const key = generateApiKey('global');
  keyring.setKey(GLOBAL, { hash: hashGenerated(key) });
  keyring.setKey(GLOBAL, { hash: hashGenerated(key) });
  assert.equal((await keyring.identify(key, CALM))?.kind, 'global');
});

test('a shared key, a second salt and an invalid hash are defects', async () => {
  const { keyring } = countingKeyring();
  const key = generateApiKey('global');
  keyring.setKey(GLOBAL, { hash: hashGenerated(key) });
  keyring.setKey(ALPHA, { hash: quickHash('opensesame') });
  assert.throws(() => keyring.setKey(BETA, { hash: hashGenerated(key) }), InvariantError);
  assert.throws(() => keyring.setKey(BETA, { hash: quickHash('another', OTHER_SALT) }), InvariantError);
  assert.throws(() => keyring.setKey(BETA, { hash: 'plain text' }), InvariantError);
  assert.equal((await keyring.identify(key, CALM))?.kind, 'global');
});

test('made-up keys evict only each other, never a valid key', async () => {
  const { keyring, derived } = countingKeyring({ cachedMax: 3 });
  keyring.setKey(ALPHA, { hash: quickHash('opensesame') });
  assert.notEqual(await keyring.identify('opensesame', CALM), null);
  for (let index = 0; index < 10; index += 1) await keyring.identify(`wrong ${index}`, CALM);
  assert.notEqual(await keyring.identify('opensesame', CALM), null);
  assert.equal(derived.filter((key) => key === 'opensesame').length, 1);
  await keyring.identify('wrong 0', CALM);
  assert.equal(derived.filter((key) => key === 'wrong 0').length, 2);
});

test('a new key is refused when the queue is full, while known keys are answered', async () => {
  let finish = (): void => undefined;
  const finished = new Promise<void>((resolve) => { finish = resolve; });
  const quick = new Set(['opensesame']);
  const derive = async (key: string, salt: string): Promise<string> => {
    if (!quick.has(key)) await finished;
    return quickHash(key, salt);
  };
  const keyring = new Keyring({ derive, queueMax: 2 });
  const generated = generateApiKey('project');
  keyring.setKey(ALPHA, { hash: quickHash('opensesame') });
  keyring.setKey(BETA, { hash: hashGenerated(generated) });
  assert.notEqual(await keyring.identify('opensesame', CALM), null);
  const waiting = [1, 2, 3].map((index) => keyring.identify(`wrong ${index}`, CALM));
  await assert.rejects(keyring.identify('wrong 4', CALM), isTooMany);
  assert.equal((await keyring.identify('opensesame', CALM))?.kind, 'project');
  assert.equal((await keyring.identify(generated, CALM))?.kind, 'project');
  finish();
  assert.deepEqual(await Promise.all(waiting), [null, null, null]);
});

test('made-up keys for projects that do not exist or have no typed key share one scope', async () => {
  const { keyring, derived } = countingKeyring();
  keyring.setKey(ALPHA, { hash: quickHash('opensesame') });
  keyring.setKey(BETA, { hash: hashGenerated(generateApiKey('project')) });
  const flood = ['beta', 'none', 'other', 'more'].map((project) => keyring.identify(`wrong ${project}`, { ...CALM, project }));
  const good = keyring.identify('opensesame', { address: '192.0.2.1', project: 'alpha' });
  assert.equal((await good)?.kind, 'project');
  assert.deepEqual(await Promise.all(flood), [null, null, null, null]);
  assert.ok(derived.indexOf('opensesame') <= 1, derived.join());
});

test('a typed key recognised by another keyring costs no derivation here, and a wrong one still does', async () => {
  const knownKeys = new KnownKeys();
  const before = countingKeyring({ knownKeys });
  before.keyring.setKey(ALPHA, { hash: quickHash('opensesame') });
  assert.equal(await before.keyring.identify('wrong key', CALM), null);
  assert.ok(!knownKeys.toText().includes('alpha'), 'a wrong key is not noted');
  assert.equal((await before.keyring.identify('opensesame', CALM))?.kind, 'project');

  const { keyring, derived } = countingKeyring({ knownKeys });
  keyring.setKey(ALPHA, { hash: quickHash('opensesame') });
  assert.deepEqual(await keyring.identify('opensesame', CALM), projectPrincipal('alpha', ['all'], keyIdOf(quickHash('opensesame'))));
  assert.deepEqual(derived, []);
  assert.equal(await keyring.identify('wrong key', CALM), null);
  assert.deepEqual(derived, ['wrong key']);
});

test('a known key opens nothing unless its hash is current: replaced, removed, another salt, another scope', async () => {
  const knownKeys = new KnownKeys();
  const before = countingKeyring({ knownKeys });
  before.keyring.setKey(ALPHA, { hash: quickHash('opensesame') });
  await before.keyring.identify('opensesame', CALM);
  const changes: readonly ((keyring: Keyring) => void)[] = [
    (keyring) => keyring.setKey(ALPHA, { hash: quickHash('another key') }),
    (keyring) => keyring.setKey(ALPHA, { hash: quickHash('another key', OTHER_SALT) }),
    (keyring) => keyring.setKey(ALPHA, { hash: hashGenerated(generateApiKey('project')) }),
    (keyring) => keyring.removeProject('alpha'),
    (keyring) => keyring.setKey(BETA, { hash: quickHash('another key') }),
  ];
  for (const change of changes) {
    const { keyring } = countingKeyring({ knownKeys });
    change(keyring);
    assert.equal(await keyring.identify('opensesame', CALM), null);
  }
  const { keyring, derived } = countingKeyring({ knownKeys });
  keyring.setKey(ALPHA, { hash: quickHash('opensesame') });
  assert.notEqual(await keyring.identify('opensesame', CALM), null);
  keyring.setKey(ALPHA, { hash: quickHash('another key') });
  assert.equal(await keyring.identify('opensesame', CALM), null);
  assert.deepEqual(derived, []);
});

function listed(hash: string, more: Partial<KeyOfList> = {}): KeyOfList {
  return { hash, permissions: ['read'], window: null, ...more };
}

test('listed keys open their scope beside the primary key, with their permissions', async () => {
  const { keyring, derived } = countingKeyring();
  const [primary, reader, writer] = [generateApiKey('project'), generateApiKey('listed'), generateApiKey('listed')];
  keyring.setKey(ALPHA, { hash: hashGenerated(primary) });
  keyring.setListed(ALPHA, [listed(hashGenerated(reader)), listed(hashGenerated(writer), { permissions: ['read', 'write'] })]);
  const ids = [primary, reader, writer].map((key) => keyIdOf(hashGenerated(key)));
  assert.deepEqual(keyring.lookUp(reader), projectPrincipal('alpha', ['read'], ids[1]));
  assert.deepEqual(keyring.lookUp(writer), projectPrincipal('alpha', ['read', 'write'], ids[2]));
  assert.deepEqual(keyring.lookUp(primary), projectPrincipal('alpha', ['all'], ids[0]));
  assert.deepEqual(derived, []);
  assert.ok(keyring.hasListed(ALPHA, ids[1] ?? '') && !keyring.hasListed(ALPHA, ids[0] ?? '') && !keyring.hasListed(BETA, ids[1] ?? ''));
});

test('a listed key that leaves the list stops at once, and the others go on', () => {
  const keyring = new Keyring();
  const [one, other] = [generateApiKey('listed'), generateApiKey('listed')];
  const keys = [one, other].map((key) => listed(hashGenerated(key)));
  keyring.setListed(GLOBAL, keys);
  const [first, second] = [keyring.lookUp(one), keyring.lookUp(other)];
  assert.ok(first && second);
  const { epoch } = keyring;
  keyring.setListed(GLOBAL, keys.slice(1));
  assert.ok(keyring.epoch !== epoch);
  assert.deepEqual([keyring.lookUp(one), keyring.holds(first), keyring.holds(second)], [null, false, true]);
  keyring.removeProject('alpha');
  assert.equal(keyring.holds(second), true);
});

test('removing a project removes all of its keys', () => {
  const keyring = new Keyring();
  const keys = [generateApiKey('project'), generateApiKey('listed')];
  keyring.setKey(ALPHA, { hash: hashGenerated(keys[0] ?? '') });
  keyring.setListed(ALPHA, [listed(hashGenerated(keys[1] ?? ''))]);
  keyring.removeProject('alpha');
  assert.deepEqual(keys.map((key) => keyring.lookUp(key)), [null, null]);
});

test('a primary key that becomes a listed one is the same caller, with what it has now', () => {
  const keyring = new Keyring();
  const [old, next] = [generateApiKey('project'), generateApiKey('project')];
  keyring.setKey(ALPHA, { hash: hashGenerated(old) });
  const before = keyring.lookUp(old);
  assert.ok(before);
  const window = { notBeforeMs: -Infinity, expiresAtMs: 1, isReplaced: true };
  keyring.setKey(ALPHA, { hash: hashGenerated(next) });
  keyring.setListed(ALPHA, [listed(hashGenerated(old), { permissions: ['all'], window })]);
  const now = keyring.current(before);
  assert.ok(now !== undefined && now.kind === 'project');
  assert.deepEqual([now.keyId, now.window], [before.keyId, window]);
});

test('no two keys are the same, in one list or in two scopes', () => {
  const hash = hashGenerated(generateApiKey('listed'));
  const inTwice = [listed(hash), listed(hash)];
  assert.throws(() => new Keyring().setListed(ALPHA, inTwice), InvariantError);
  const keyring = new Keyring();
  keyring.setListed(GLOBAL, [listed(hash)]);
  assert.throws(() => keyring.setListed(ALPHA, [listed(hash)]), InvariantError);
  assert.throws(() => keyring.setKey(ALPHA, { hash }), InvariantError);
});

test('typed listed keys are recognised, each with one derivation, and without one after a restart', async () => {
  const knownKeys = new KnownKeys();
  const before = countingKeyring({ knownKeys });
  const keys = ['opensesame', 'closesesame'];
  const list = keys.map((key) => listed(quickHash(key)));
  before.keyring.setListed(ALPHA, list);
  for (const key of [...keys, ...keys]) assert.equal((await before.keyring.identify(key, CALM))?.kind, 'project');
  assert.deepEqual(before.derived, keys);
  const after = countingKeyring({ knownKeys });
  after.keyring.setListed(ALPHA, list);
  for (const key of keys) assert.equal((await after.keyring.identify(key, CALM))?.kind, 'project');
  assert.deepEqual(after.derived, []);
  assert.ok(KnownKeys.fromText(knownKeys.toText()) !== undefined);
});

test('the time that decides is that of the clock, and the last use is kept while the key is', () => {
  const clock = new ManualClock();
  const keyring = new Keyring({ clock });
  const key = generateApiKey('listed');
  const { keyId } = projectPrincipal('alpha', ['read'], keyIdOf(hashGenerated(key)));
  keyring.setListed(ALPHA, [listed(hashGenerated(key))]);
  assert.deepEqual([keyring.nowMs(), keyring.lastUseMs(keyId)], [MANUAL_CLOCK_START_MS, undefined]);
  const principal = keyring.lookUp(key);
  assert.ok(principal);
  principal.use.lastMs = 5;
  keyring.setListed(ALPHA, [listed(hashGenerated(key), { permissions: ['write'] })]);
  assert.equal(keyring.lastUseMs(keyId), 5);
  keyring.setListed(ALPHA, []);
  assert.equal(keyring.lastUseMs(keyId), undefined);
});

test.run();
