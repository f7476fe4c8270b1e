import assert from 'node:assert/strict';
import { checkConfig } from '../../src/config/check-config.js';
import type { ConfigDocument } from '../../src/config/config-document.js';
import { OPTION_TABLE, resolveServerOptions } from '../../src/config/server-options.js';
import { suite } from '../suite.js';

const test = suite('server-options');

const EMPTY: ConfigDocument = { version: 1, projects: [] };

test('an empty configuration gives every default', () => {
  assert.deepEqual(resolveServerOptions(EMPTY, '/etc/simplekv'), {
    serverHost: '127.0.0.1',
    serverPort: 23_849,
    dataFolder: '/etc/simplekv/data',
    tls: null,
    valueBytesMax: 1_048_576,
    keyBytesMax: 1024,
    headerBytesMax: 16_384,
    headersMax: 100,
    connectionsMax: 4000,
    queueCommandsMax: 10_000,
    queueBytesMax: 67_108_864,
    answerBytesMax: 67_108_864,
    failedKeysPerMinuteMax: 100,
    headersTimeoutMs: 10_000,
    requestTimeoutMs: 30_000,
    keepAliveTimeoutMs: 5000,
    idleTimeoutMs: 120_000,
    shutdownTimeoutMs: 10_000,
    logLevel: 'info',
    allowedHosts: [],
    trustedProxies: [],
    printApiKeys: true,
  });
});

test('what the file says holds, member by member', () => {
  const document: ConfigDocument = {
    ...EMPTY,
    server_port: 0,
    server_host: '::1',
    limits: { max_value_bytes: 10, max_headers: 20 },
    timeouts: { idle_seconds: 7 },
    log_level: 'debug',
    allowed_hosts: ['example.org'],
    print_api_keys: false,
  };
  const options = resolveServerOptions(document, '/etc');
  assert.equal(options.serverPort, 0);
  assert.equal(options.serverHost, '::1');
  assert.deepEqual([options.valueBytesMax, options.headersMax, options.keyBytesMax], [10, 20, 1024]);
  assert.deepEqual([options.idleTimeoutMs, options.headersTimeoutMs], [7000, 10_000]);
  assert.equal(options.logLevel, 'debug');
  assert.deepEqual(options.allowedHosts, ['example.org']);
  assert.equal(options.printApiKeys, false);
});

test('relative paths start at the folder of the file, absolute ones stay', () => {
  const document = (folder: string): ConfigDocument => ({
    ...EMPTY,
    tls: { key_file: 'tls/key.pem', cert_file: '/srv/cert.pem' },
    default: { storage: { persistent_file_path: folder } },
  });
  assert.equal(resolveServerOptions(document('../data'), '/etc/simplekv').dataFolder, '/etc/data');
  assert.equal(resolveServerOptions(document('/srv/data/'), '/etc/simplekv').dataFolder, '/srv/data');
  assert.deepEqual(resolveServerOptions(document('x'), '/etc').tls, { keyFile: '/etc/tls/key.pem', certFile: '/srv/cert.pem' });
});

test('tls null is plain HTTP', () => {
  assert.equal(resolveServerOptions({ ...EMPTY, tls: null }, '/etc').tls, null);
});

test('connections stay open longer behind a proxy, unless the file says otherwise', () => {
  const behind: ConfigDocument = { ...EMPTY, trusted_proxies: ['10.0.0.1'] };
  assert.equal(resolveServerOptions(behind, '/etc').keepAliveTimeoutMs, 65_000);
  assert.equal(resolveServerOptions({ ...behind, timeouts: { idle_seconds: 9 } }, '/etc').keepAliveTimeoutMs, 65_000);
  assert.equal(resolveServerOptions({ ...behind, timeouts: { keep_alive_seconds: 3 } }, '/etc').keepAliveTimeoutMs, 3000);
});

test('every path of the table is there once, with a meaning, and a unit where it is a quantity', () => {
  assert.equal(new Set(OPTION_TABLE.map((row) => row.path)).size, OPTION_TABLE.length);
  for (const row of OPTION_TABLE) {
    assert.ok(row.meaning.length > 10, row.path);
    // What is unlimited by default is a quantity all the same.
    const isQuantity = typeof row.default === 'number' || row.path.startsWith('default.storage.retention.max_');
    assert.equal(row.unit !== null, isQuantity && row.path !== 'server_port', row.path);
  }
});

test('the defaults of the table, written out, are a sound configuration that changes nothing', () => {
  const document: Record<string, unknown> = { version: 1, projects: [] };
  for (const row of OPTION_TABLE) {
    if (row.path.startsWith('tls.') || row.path.startsWith('projects[]')) continue;
    const names = row.path.split('.');
    const last = names.pop() ?? '';
    let inner = document;
    for (const name of names) inner = (inner[name] ??= {}) as Record<string, unknown>;
    inner[last] = row.default;
  }
  assert.deepEqual(resolveServerOptions(checkConfig(document), '/etc'), resolveServerOptions(EMPTY, '/etc'));
});

test.run();
