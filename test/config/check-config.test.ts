import assert from 'node:assert/strict';
import { generateApiKey } from '../../src/auth/api-key.js';
import { hashGenerated } from '../../src/auth/key-hash.js';
import { checkConfig } from '../../src/config/check-config.js';
import { ConfigError } from '../../src/config/config-error.js';
import { firstConfig } from '../../src/config/first-config.js';
import { suite } from '../suite.js';

const test = suite('check-config');

type Members = Readonly<Record<string, unknown>>;

const SECRET = 'do-not-show-me';

function scryptHash(saltLetter: string): string {
  return `scrypt:32768:8:3:${saltLetter.repeat(21)}A:${'A'.repeat(43)}`;
}

function faultOf(document: unknown): ConfigError {
  try {
    checkConfig(document);
  } catch (error) {
    assert.ok(error instanceof ConfigError, String(error));
    return error;
  }
  return assert.fail(`nothing is wrong with ${JSON.stringify(document)}`);
}

const withMembers = (members: Members): Members => ({ version: 1, projects: [], ...members });
const withDefaults = (storage: Members): Members => withMembers({ default: { storage } });
const withProject = (members: Members): Members => withMembers({ projects: [{ id: 'alpha', ...members }] });
const withKey = (authentication: Members): Members => withProject({ authentication });

test('the smallest configuration and that of a first run are valid', () => {
  checkConfig({ version: 1, projects: [] });
  checkConfig(firstConfig().document);
});

test('a configuration with every setting is valid', () => {
  checkConfig({
    version: 1,
    server_port: 0,
    server_host: '::',
    tls: { key_file: 'key.pem', cert_file: 'cert.pem' },
    limits: {
      max_value_bytes: 8_388_608,
      max_key_bytes: 1,
      max_header_bytes: 8192,
      max_headers: 50,
      max_connections: 10,
      max_queue_commands: 1,
      max_queue_bytes: 16_777_216,
      max_answer_bytes: 16_777_216,
      max_failed_keys_per_minute: 1,
    },
    timeouts: { headers_seconds: 1, request_seconds: 1, keep_alive_seconds: 1, idle_seconds: 1, shutdown_seconds: 1 },
    log_level: 'silent',
    allowed_hosts: ['example.org', 'db_1:8080'],
    allowed_origins: ['https://app.example.com', 'http://localhost:3000', 'chrome-extension://abc'],
    trusted_proxies: ['127.0.0.1', '10.0.0.0/8', '::1', 'fd00::/8', 'loopback', 'linklocal', 'uniquelocal'],
    print_api_keys: false,
    default: {
      storage: {
        persistent_file_path: '/var/lib/simplekv',
        on_disk: true,
        cache_in_memory: true,
        durability: 'os',
        sync_interval_ms: 5,
        segment_bytes: 4096,
        compaction: { interval_seconds: 86_400 },
        retention: { max_age_seconds: 3_153_600_000, max_bytes: Number.MAX_SAFE_INTEGER, compress: 'gzip' },
      },
      authentication: { enabled: false, save_api_key_to_file: true, api_key: null, api_key_hash: null },
    },
    projects: [{ id: 'a', revision: 7, storage: { durability: 'interval' }, authentication: { enabled: true } }],
  });
});

const REFUSED: readonly [what: string, document: unknown, pointer: string][] = [
  ['no object', [], ''],
  ['null', null, ''],
  ['an empty object', {}, '/version'],
  ['no projects', { version: 1 }, '/projects'],
  ['a version as text', { version: '1', projects: [] }, '/version'],
  ['an unknown member', withMembers({ server_prot: 1 }), '/server_prot'],
  ['a port too high', withMembers({ server_port: 65_536 }), '/server_port'],
  ['a port with a fraction', withMembers({ server_port: 1.5 }), '/server_port'],
  ['a port as text', withMembers({ server_port: '80' }), '/server_port'],
  ['half of tls', withMembers({ tls: { key_file: 'a' } }), '/tls/cert_file'],
  ['a value limit over 8 MiB', withMembers({ limits: { max_value_bytes: 8_388_609 } }), '/limits/max_value_bytes'],
  ['a key limit over 1024', withMembers({ limits: { max_key_bytes: 1025 } }), '/limits/max_key_bytes'],
  ['a queue that no value fits', withMembers({ limits: { max_queue_bytes: 2_097_151 } }), '/limits/max_queue_bytes'],
  ['an unknown limit', withMembers({ limits: { max_keys: 5 } }), '/limits/max_keys'],
  ['a timeout of zero', withMembers({ timeouts: { idle_seconds: 0 } }), '/timeouts/idle_seconds'],
  ['headers later than the request', withMembers({ timeouts: { request_seconds: 5 } }), '/timeouts/headers_seconds'],
  ['an unknown level', withMembers({ log_level: 'loud' }), '/log_level'],
  ['a host with a path', withMembers({ allowed_hosts: ['a', 'b/c'] }), '/allowed_hosts/1'],
  ['an origin with a path', withMembers({ allowed_origins: ['https://a', 'https://a/'] }), '/allowed_origins/1'],
  ['an origin without a scheme', withMembers({ allowed_origins: ['app.example'] }), '/allowed_origins/0'],
  ['an origin of "null"', withMembers({ allowed_origins: ['null'] }), '/allowed_origins/0'],
  ['an origin in capitals', withMembers({ allowed_origins: ['https://App.example'] }), '/allowed_origins/0'],
  ['an origin with its default port', withMembers({ allowed_origins: ['https://app.example:443'] }), '/allowed_origins/0'],
  ['an origin with an impossible port', withMembers({ allowed_origins: ['https://app.example:99999'] }), '/allowed_origins/0'],
  ['a pattern as an origin', withMembers({ allowed_origins: ['https://*.example'] }), '/allowed_origins/0'],
  ['an origin that is not in a list', withMembers({ allowed_origins: '*' }), '/allowed_origins'],
  [
    'an open project beside every origin',
    { ...withKey({ enabled: false }), allowed_origins: ['https://app.example', '*'] },
    '/projects/0/authentication/enabled',
  ],
  [
    'open global routes beside every origin',
    withMembers({ allowed_origins: ['*'], default: { authentication: { enabled: false } } }),
    '/default/authentication/enabled',
  ],
  ['a name as a proxy', withMembers({ trusted_proxies: ['proxy.example'] }), '/trusted_proxies/0'],
  ['everybody as a proxy', withMembers({ trusted_proxies: ['::1', '0.0.0.0/0'] }), '/trusted_proxies/1'],
  ['a network of too many bits', withMembers({ trusted_proxies: ['10.0.0.0/33'] }), '/trusted_proxies/0'],
  ['an empty data folder', withDefaults({ persistent_file_path: '' }), '/default/storage/persistent_file_path'],
  ['NUL in the data folder', withDefaults({ persistent_file_path: 'a\0b' }), '/default/storage/persistent_file_path'],
  ['an unknown storage member', withProject({ storage: { on_disc: true } }), '/projects/0/storage/on_disc'],
  ['a data folder of a project', withProject({ storage: { persistent_file_path: 'x' } }), '/projects/0/storage/persistent_file_path'],
  ['a segment too small', withProject({ storage: { segment_bytes: 5 } }), '/projects/0/storage/segment_bytes'],
  ['compaction as a number', withProject({ storage: { compaction: 300 } }), '/projects/0/storage/compaction'],
  [
    'a compaction more than a day apart',
    withDefaults({ compaction: { interval_seconds: 86_401 } }),
    '/default/storage/compaction/interval_seconds',
  ],
  ['an unknown compaction member', withDefaults({ compaction: { interval_ms: 5 } }), '/default/storage/compaction/interval_ms'],
  ['a negative age', withProject({ storage: { retention: { max_age_seconds: -1 } } }), '/projects/0/storage/retention/max_age_seconds'],
  ['a size with a fraction', withProject({ storage: { retention: { max_bytes: 0.5 } } }), '/projects/0/storage/retention/max_bytes'],
  ['an unknown compression', withDefaults({ retention: { compress: 'zip' } }), '/default/storage/retention/compress'],
  ['an unknown retention member', withProject({ storage: { retention: { days: 1 } } }), '/projects/0/storage/retention/days'],
  ['a revision of zero', withProject({ revision: 0 }), '/projects/0/revision'],
  ['an entry without an id', withMembers({ projects: [{}] }), '/projects/0/id'],
  ['an id with a slash', withMembers({ projects: [{ id: '../config' }] }), '/projects/0/id'],
  ['an id in capitals', withMembers({ projects: [{ id: 'Alpha' }] }), '/projects/0/id'],
  ['authentication as a word', withProject({ authentication: true }), '/projects/0/authentication'],
  ['enabled as text', withKey({ enabled: 'false' }), '/projects/0/authentication/enabled'],
  ['a key of seven characters', withKey({ api_key: '1234567' }), '/projects/0/authentication/api_key'],
  ['an empty key', withKey({ api_key: '' }), '/projects/0/authentication/api_key'],
  ['a key of 513 characters', withKey({ api_key: 'k'.repeat(513) }), '/projects/0/authentication/api_key'],
  ['a key with a blank', withKey({ api_key: 'open sesame' }), '/projects/0/authentication/api_key'],
  ['a key outside ASCII', withKey({ api_key: 'öffne-dich' }), '/projects/0/authentication/api_key'],
  ['a hash that is none', withKey({ api_key_hash: 'sha256:abc' }), '/projects/0/authentication/api_key_hash'],
  ['an empty hash', withKey({ api_key_hash: '' }), '/projects/0/authentication/api_key_hash'],
  ['a plain key as the hash', withKey({ api_key_hash: SECRET }), '/projects/0/authentication/api_key_hash'],
];

for (const [what, document, pointer] of REFUSED) {
  test(`${what} is refused at ${pointer === '' ? 'the top' : pointer}`, () => {
    const error = faultOf(document);
    assert.equal(error.pointer, pointer);
    assert.ok(error.expected.length > 0);
    assert.ok(!error.message.includes('\n'));
  });
}

test('keys of 8 and of 512 visible characters are accepted', () => {
  checkConfig(withKey({ api_key: '!"#$%&~\\' }));
  checkConfig(withKey({ api_key: 'k'.repeat(512) }));
});

test('another version has its own message, even if its members are unknown', () => {
  const error = faultOf({ version: 2, servers: [] });
  assert.equal(error.pointer, '/version');
  assert.equal(error.found, '2');
  assert.match(error.expected, /another version of SimpleKV/);
});

test('a wrong value is shown with its pointer', () => {
  const error = faultOf(withProject({ storage: { segment_bytes: 5 } }));
  const place = '/projects/0/storage/segment_bytes';
  assert.equal(error.message, `Cannot use the configuration: ${place} is 5, expected a whole number of bytes from 4096 to 1073741824`);
});

test('no message shows a key, wherever it was typed', () => {
  const documents: unknown[] = [
    withKey({ api_key: `${SECRET} ` }),
    withKey({ api_key_hash: SECRET }),
    withKey({ enabled: SECRET }),
    withKey({ api_key: [SECRET] }),
    withProject({ authentication: SECRET }),
    withProject({ authentication: [SECRET] }),
    withMembers({ default: { authentication: SECRET } }),
    withMembers({ projects: { id: 'a', authentication: { api_key: SECRET } } }),
    withMembers({ projects: [[SECRET]] }),
  ];
  for (const document of documents) assert.ok(!faultOf(document).message.includes(SECRET), faultOf(document).message);
  const key = generateApiKey('global');
  assert.ok(!faultOf(withMembers({ server_host: `${key}!` })).message.includes(key));
});

test('two projects of one id are refused, naming both', () => {
  const error = faultOf(withMembers({ projects: [{ id: 'a' }, { id: 'b' }, { id: 'a' }] }));
  assert.equal(error.pointer, '/projects/2/id');
  assert.match(error.message, /\/projects\/0\/id/);
});

test('cache_in_memory may be false for a project and by default, on disk or not', () => {
  for (const onDisk of [false, true]) {
    const storage = { on_disk: onDisk, cache_in_memory: false };
    checkConfig(withProject({ storage }));
    checkConfig(withMembers({ default: { storage }, projects: [{ id: 'a' }, { id: 'b', storage: { on_disk: !onDisk } }] }));
  }
});

test('a group of storage settings may have any of its members, or none', () => {
  for (const storage of [
    { compaction: {}, retention: {} },
    { compaction: { interval_seconds: 0 } },
    { retention: { max_age_seconds: 0 } },
    { retention: { max_bytes: null, compress: 'gzip' } },
  ]) {
    checkConfig(withProject({ storage }));
    checkConfig(withDefaults(storage));
  }
});

test('a generated key with a wrong checksum is reported as such', () => {
  const key = generateApiKey('global');
  const changed = key.slice(0, -1) + (key.endsWith('0') ? '1' : '0');
  checkConfig(withKey({ api_key: key }));
  const error = faultOf(withKey({ api_key: changed }));
  assert.match(error.message, /\/projects\/0\/authentication\/api_key must be a complete API key: its checksum/);
});

test('two salts in one file are refused, one salt is not', () => {
  const keys = (first: string, second: string): Members => withMembers({
    default: { authentication: { api_key_hash: first } },
    projects: [{ id: 'a', authentication: { api_key_hash: hashGenerated('x') } }, { id: 'b', authentication: { api_key_hash: second } }],
  });
  checkConfig(keys(scryptHash('A'), scryptHash('A')));
  const error = faultOf(keys(scryptHash('A'), scryptHash('B')));
  assert.equal(error.pointer, '/projects/1/authentication/api_key_hash');
  assert.match(error.expected, /\/default\/authentication\/api_key_hash/);
});

test.run();
