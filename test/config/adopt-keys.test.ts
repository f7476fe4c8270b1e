import assert from 'node:assert/strict';
import { generateApiKey, isGeneratedKey } from '../../src/auth/api-key.js';
import { hashApiKey, hashGenerated, parseKeyHash } from '../../src/auth/key-hash.js';
import { adoptKeys } from '../../src/config/adopt-keys.js';
import { checkConfig } from '../../src/config/check-config.js';
import type { AuthenticationEntry, ConfigDocument } from '../../src/config/config-document.js';
import { ConfigError } from '../../src/config/config-error.js';
import { firstConfig } from '../../src/config/first-config.js';
import type { ApiKeyEntry } from '../../src/config/api-key-entries.js';
import { suite } from '../suite.js';

const test = suite('adopt-keys');

const SALT = 'AAAAAAAAAAAAAAAAAAAAAA';
const CLOSED: AuthenticationEntry = { enabled: true, save_api_key_to_file: false, api_key: null, api_key_hash: hashGenerated('global') };

function documentOf(...projects: (Partial<AuthenticationEntry> | undefined)[]): ConfigDocument {
  return {
    version: 1,
    default: { storage: { persistent_file_path: 'data/' }, authentication: CLOSED },
    projects: projects.map((authentication, index) => ({ id: `p${index}`, ...(authentication === undefined ? {} : { authentication }) })),
  };
}

function entryOf(document: ConfigDocument, index = 0): Partial<AuthenticationEntry> {
  return document.projects[index]?.authentication ?? assert.fail('there is an entry');
}

test('adoptKeys() returns its argument if there is nothing to adopt', async () => {
  const { document } = firstConfig();
  const adopted = await adoptKeys(document);
  assert.equal(adopted.document, document);
  assert.equal(adopted.changed, false);
  assert.deepEqual(adopted.generated, []);
});

test('a typed key becomes a hash and the field returns to null', async () => {
  const adopted = await adoptKeys(documentOf({ ...CLOSED, api_key: 'open-sesame', api_key_hash: null }));
  const { api_key: key, api_key_hash: hash } = entryOf(adopted.document);
  const parsed = parseKeyHash(hash ?? '');
  assert.equal(key, null);
  assert.ok(parsed?.scheme === 'scrypt');
  assert.equal(hash, await hashApiKey('open-sesame', parsed.salt));
  assert.deepEqual([adopted.changed, adopted.generated], [true, []]);
});

test('only typed keys that are stored with scrypt are returned, with their scope and hash', async () => {
  const { document, typed } = await adoptKeys({
    ...documentOf(
      { api_key: 'open-sesame' }, { api_key: generateApiKey('project') }, undefined,
      { save_api_key_to_file: true, api_key: 'open-sesame-2' },
    ),
    default: { authentication: { api_key: 'open-sesame-3' } },
  });
  const place = (index: number): { scope: object; hash: unknown; isListed: boolean } => (
    { scope: { kind: 'project', project: `p${index}` }, hash: entryOf(document, index).api_key_hash, isListed: false }
  );
  assert.deepEqual(typed, [
    { scope: { kind: 'global' }, key: 'open-sesame-3', hash: document.default?.authentication?.api_key_hash, isListed: false },
    { key: 'open-sesame', ...place(0) },
    { key: 'open-sesame-2', ...place(3) },
  ]);
  const again = await adoptKeys(document);
  assert.deepEqual(again.typed.map(({ key }) => key), ['open-sesame-2']);
});

test('a typed generated key becomes a sha256 hash', async () => {
  const key = generateApiKey('project');
  const adopted = await adoptKeys(documentOf({ api_key: key }));
  assert.deepEqual(entryOf(adopted.document), { ...CLOSED, api_key_hash: hashGenerated(key) });
});

test('a typed key overrides the present hash', async () => {
  const key = generateApiKey('project');
  const adopted = await adoptKeys(documentOf({ ...CLOSED, api_key: key, api_key_hash: hashGenerated('before') }));
  assert.equal(entryOf(adopted.document).api_key_hash, hashGenerated(key));
});

test('with save_api_key_to_file the key stays in the file, beside its hash', async () => {
  const key = generateApiKey('project');
  const adopted = await adoptKeys(documentOf({ save_api_key_to_file: true, api_key: key }));
  assert.deepEqual(entryOf(adopted.document), { ...CLOSED, save_api_key_to_file: true, api_key: key, api_key_hash: hashGenerated(key) });
});

test('adopting is idempotent for keys of every kind', async () => {
  const given = documentOf(
    { api_key: 'open-sesame' },
    { save_api_key_to_file: true, api_key: 'open-sesame-2' },
    { save_api_key_to_file: true, api_key: generateApiKey('project') },
    undefined,
    { save_api_key_to_file: true },
    { enabled: false },
  );
  const once = await adoptKeys(given);
  const twice = await adoptKeys(checkConfig(once.document));
  assert.equal(twice.document, once.document);
  assert.equal(twice.changed, false);
  assert.deepEqual(twice.generated, []);
});

test('typing the same key again keeps its hash', async () => {
  const first = await adoptKeys(documentOf({ api_key: 'open-sesame' }));
  const hash = entryOf(first.document).api_key_hash ?? null;
  const again = await adoptKeys(documentOf({ ...CLOSED, api_key: 'open-sesame', api_key_hash: hash }));
  assert.deepEqual(entryOf(again.document), { ...CLOSED, api_key_hash: hash });
  assert.equal(again.changed, true);
});

test('a saved key that was edited gets a new hash', async () => {
  const key = generateApiKey('project');
  const given = { enabled: true, save_api_key_to_file: true, api_key: key, api_key_hash: hashGenerated('before') };
  assert.deepEqual(entryOf((await adoptKeys(documentOf(given))).document), { ...given, api_key_hash: hashGenerated(key) });
});

test('the settings in force decide about the global key, and the document keeps its own', async () => {
  const open: ConfigDocument = { version: 1, default: { authentication: { enabled: false } }, projects: [] };
  const closed = await adoptKeys(open, { enabled: true, save_api_key_to_file: false });
  assert.equal(closed.generated.length, 1);
  const { enabled, api_key_hash: hash } = closed.document.default?.authentication ?? {};
  assert.deepEqual([enabled, hash], [false, hashGenerated(closed.generated[0]?.key ?? '')]);
  const opened = await adoptKeys({ version: 1, projects: [] }, { enabled: false, save_api_key_to_file: false });
  assert.deepEqual([opened.generated, opened.changed], [[], false]);
});

test('a key is generated if authentication is on without a key and a hash', async () => {
  const beta = { id: 'beta', authentication: { enabled: true, api_key: null, api_key_hash: null } };
  const given: ConfigDocument = { version: 1, projects: [{ id: 'alpha' }, beta] };
  const adopted = await adoptKeys(given);
  const scopes = adopted.generated.map(({ scope }) => (scope.kind === 'global' ? null : scope.project));
  assert.deepEqual(scopes, [null, 'alpha', 'beta']);
  const [globalKey = '', alphaKey = '', betaKey = ''] = adopted.generated.map(({ key }) => key);
  assert.ok(globalKey.startsWith('skv_g_') && alphaKey.startsWith('skv_p_') && betaKey.startsWith('skv_p_'));
  assert.ok([globalKey, alphaKey, betaKey].every(isGeneratedKey));
  assert.deepEqual(adopted.document.default?.authentication, { ...CLOSED, api_key_hash: hashGenerated(globalKey) });
  assert.deepEqual(entryOf(adopted.document, 0), { ...CLOSED, api_key_hash: hashGenerated(alphaKey) });
  assert.deepEqual(entryOf(adopted.document, 1), { ...CLOSED, api_key_hash: hashGenerated(betaKey) });
  checkConfig(adopted.document);
});

test('a generated key is kept in the file with save_api_key_to_file', async () => {
  const adopted = await adoptKeys(documentOf({ save_api_key_to_file: true }));
  assert.equal(entryOf(adopted.document).api_key, adopted.generated[0]?.key);
});

test('no key is generated for an open scope, but a typed one is still hashed', async () => {
  const key = generateApiKey('project');
  const adopted = await adoptKeys(documentOf({ enabled: false }, { enabled: false, api_key: key }));
  assert.deepEqual(adopted.generated, []);
  assert.deepEqual(entryOf(adopted.document, 0), { enabled: false });
  assert.deepEqual(entryOf(adopted.document, 1), { ...CLOSED, enabled: false, api_key_hash: hashGenerated(key) });
});

test('switching save_api_key_to_file on changes nothing if only the hash is known', async () => {
  const adopted = await adoptKeys(documentOf({ ...CLOSED, save_api_key_to_file: true, api_key_hash: hashGenerated('x') }));
  assert.equal(adopted.changed, false);
});

test('the global key is adopted like any other', async () => {
  const given: ConfigDocument = { version: 1, default: { authentication: { api_key: 'open-sesame' } }, projects: [] };
  const authentication = (await adoptKeys(given)).document.default?.authentication;
  assert.equal(authentication?.api_key, null);
  assert.match(authentication?.api_key_hash ?? '', /^scrypt:/);
});

test('all typed keys of a file share one salt, the present one or a new one', async () => {
  const kept = await hashApiKey('kept-as-it-is', SALT);
  const adopted = await adoptKeys(documentOf({ api_key: 'open-sesame' }, { ...CLOSED, api_key_hash: kept }, { api_key: 'open-sesame-2' }));
  const salts = [0, 1, 2].map((index) => {
    const parsed = parseKeyHash(entryOf(adopted.document, index).api_key_hash ?? '');
    return parsed?.scheme === 'scrypt' ? parsed.salt : undefined;
  });
  assert.deepEqual(salts, [SALT, SALT, SALT]);
  const fresh = await Promise.all([1, 2].map(() => adoptKeys(documentOf({ api_key: 'open-sesame' }))));
  assert.notEqual(entryOf(fresh[0]?.document ?? documentOf()).api_key_hash, entryOf(fresh[1]?.document ?? documentOf()).api_key_hash);
});

test('one key on two scopes is refused, however it got there, and is not shown', async () => {
  const key = generateApiKey('project');
  const rows: readonly ConfigDocument[] = [
    documentOf({ api_key: 'open-sesame' }, { api_key: 'open-sesame' }),
    documentOf({ ...CLOSED, api_key_hash: hashGenerated(key) }, { api_key: key }),
    documentOf(CLOSED, undefined),
    documentOf({ ...CLOSED, api_key_hash: hashGenerated('x') }, { ...CLOSED, api_key_hash: hashGenerated('x') }),
    documentOf({ ...CLOSED, api_key_hash: await hashApiKey('open-sesame', SALT) }, { api_key: 'open-sesame' }),
    documentOf({ ...CLOSED, api_key_hash: hashGenerated('open-sesame') }, { api_key: 'open-sesame' }),
    documentOf({ api_key: 'open-sesame' }, { ...CLOSED, api_key_hash: hashGenerated('open-sesame') }),
  ];
  for (const document of rows) {
    await assert.rejects(adoptKeys(document), (error) => error instanceof ConfigError
      && /^\/projects\/[01]\/authentication$/.test(error.pointer)
      && /: \/projects\/[01]\/authentication has the same API key as \/(default|projects\/0)\/authentication: give each its own$/
        .test(error.message)
      && !error.message.includes('sesame') && !error.message.includes(key));
  }
});

test('the given document is not modified', async () => {
  const given = documentOf({ api_key: 'open-sesame' });
  const before = structuredClone(given);
  await adoptKeys(given);
  assert.deepEqual(given, before);
});

const READER: ApiKeyEntry = { name: 'reader', permissions: ['read'] };

test('a typed key in a list becomes a hash, whatever save_api_key_to_file says, and its times get one spelling', async () => {
  const times = { not_before: '2027-01-01T00:00:00Z', expires_at: '2027-02-01T01:00:00+01:00' };
  const own = { ...CLOSED, api_key_hash: hashGenerated('own') };
  const given = { ...own, save_api_key_to_file: true, api_keys: [{ ...READER, ...times, api_key: 'open-sesame' }] };
  const { document, typed, generated, changed } = await adoptKeys(documentOf(given));
  const [entry] = entryOf(document).api_keys ?? [];
  const hash = entry?.api_key_hash ?? '';
  assert.deepEqual(entry, {
    ...READER, not_before: '2027-01-01T00:00:00.000Z', expires_at: '2027-02-01T00:00:00.000Z', api_key: null, api_key_hash: hash,
  });
  assert.equal(parseKeyHash(hash)?.scheme, 'scrypt');
  assert.deepEqual(typed, [{ scope: { kind: 'project', project: 'p0' }, key: 'open-sesame', hash, isListed: true }]);
  assert.deepEqual([generated, changed], [[], true]);
  const again = await adoptKeys(document);
  assert.deepEqual([again.changed, again.document === document], [false, true]);
});

test('a list of hashes and a file without a list stay as they are', async () => {
  const own = { ...CLOSED, api_key_hash: hashGenerated('own') };
  const listed = documentOf({ ...own, api_keys: [{ ...READER, api_key_hash: hashGenerated('reader') }] });
  for (const document of [listed, documentOf({ ...CLOSED, api_key_hash: hashGenerated('own') })]) {
    const adopted = await adoptKeys(document);
    assert.deepEqual([adopted.changed, adopted.document === document, adopted.typed, adopted.generated], [false, true, [], []]);
  }
});

test('no two entries of any scope share a key', async () => {
  const own = { ...CLOSED, api_key_hash: hashGenerated('own') };
  const entry = { ...READER, api_key_hash: hashGenerated('reader') };
  const faults = [
    documentOf({ ...own, api_keys: [entry, { ...entry, name: 'again' }] }),
    documentOf({ ...own, api_keys: [{ ...entry, api_key_hash: hashGenerated('own') }] }),
    documentOf({ ...own, api_keys: [entry] }, { ...CLOSED, api_key_hash: hashGenerated('reader') }),
    documentOf({ ...own, api_keys: [{ ...READER, api_key: 'open-sesame' }, { ...READER, api_key: 'open-sesame' }] }),
    documentOf({ ...own, api_keys: [{ ...entry, api_key_hash: hashGenerated('global') }] }),
  ];
  for (const document of faults) await assert.rejects(adoptKeys(document), /has the same API key as/);
});

test.run();
