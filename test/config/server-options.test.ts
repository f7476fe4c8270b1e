import assert from 'node:assert/strict';
import { checkConfig } from '../../src/config/check-config.js';
import type { ConfigDocument } from '../../src/config/config-document.js';
import { ConfigError } from '../../src/config/config-error.js';
import { resolveServerOptions } from '../../src/config/server-options.js';
import { suite } from '../suite.js';

const test = suite('server-options');

const EMPTY: ConfigDocument = { version: 1, projects: [] };

test('an empty configuration gives every default', () => {
  assert.deepEqual(resolveServerOptions(EMPTY, '/etc/simplekv'), {
    server_host: '127.0.0.1',
    server_port: 23_849,
    dataFolder: '/etc/simplekv/data',
    tls: null,
    checkpoints: null,
    authentication: { enabled: true, save_api_key_to_file: false },
    limits: {
      max_value_bytes: 1_048_576,
      time_travel_bytes: 268_435_456,
      max_key_bytes: 1024,
      max_header_bytes: 16_384,
      max_headers: 100,
      max_connections: 4000,
      max_queue_commands: 10_000,
      max_queue_bytes: 67_108_864,
      max_answer_bytes: 67_108_864,
      max_batch_ops: 1000,
      max_batch_bytes: 8_388_608,
      max_streams: 500,
      max_streams_per_key: 50,
      idempotency_seconds: 86_400,
      idempotency_entries: 100_000,
      idempotency_bytes: 67_108_864,
      max_failed_keys_per_minute: 100,
    },
    timeouts: { headers_seconds: 10, request_seconds: 30, keep_alive_seconds: 5, idle_seconds: 120, shutdown_seconds: 10 },
    log_level: 'info',
    allowed_hosts: [],
    docs: { enabled: true },
    metrics: { enabled: true, projects_max: 200 },
    ui: { enabled: true },
    allowed_origins: [],
    trusted_proxies: [],
    print_api_keys: true,
  });
});

test('checkpoints are off without a file, and their file is relative to the folder of the configuration', () => {
  const checkpointsOf = (checkpoints: NonNullable<ConfigDocument['default']>['checkpoints']): unknown => (
    resolveServerOptions(checkConfig({ ...EMPTY, default: checkpoints === undefined ? {} : { checkpoints } }), '/etc/simplekv').checkpoints
  );
  for (const off of [undefined, null, {}, { file: null }, { interval_seconds: 60 }]) assert.equal(checkpointsOf(off), null);
  assert.deepEqual(checkpointsOf({ file: '../log/c.jsonl' }), { file: '/etc/log/c.jsonl', interval_seconds: 3600 });
  assert.deepEqual(checkpointsOf({ file: '/c.jsonl', interval_seconds: 60 }), { file: '/c.jsonl', interval_seconds: 60 });
  for (const wrong of [{ file: '' }, { file: 1 }, { file: 'a', interval_seconds: 0 }, { file: 'a', every: 1 }, []]) {
    const isRefused = (error: unknown): boolean => error instanceof ConfigError && error.pointer.startsWith('/default/checkpoints');
    assert.throws(() => checkpointsOf(wrong as never), isRefused, JSON.stringify(wrong));
  }
});

test('a setting in the file overrides its default and no other', () => {
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
  const defaults = resolveServerOptions(EMPTY, '/etc');
  assert.deepEqual(resolveServerOptions(document, '/etc'), {
    ...defaults,
    server_port: 0,
    server_host: '::1',
    limits: { ...defaults.limits, max_value_bytes: 10, max_headers: 20 },
    timeouts: { ...defaults.timeouts, idle_seconds: 7 },
    log_level: 'debug',
    allowed_hosts: ['example.org'],
    print_api_keys: false,
  });
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
  const keepAlive = (document: ConfigDocument): number => resolveServerOptions(document, '/etc').timeouts.keep_alive_seconds;
  const behind: ConfigDocument = { ...EMPTY, trusted_proxies: ['10.0.0.1'] };
  assert.equal(keepAlive(behind), 65);
  assert.equal(keepAlive({ ...behind, timeouts: { idle_seconds: 9 } }), 65);
  assert.equal(keepAlive({ ...behind, timeouts: { keep_alive_seconds: 3 } }), 3);
  assert.equal(keepAlive(EMPTY), 5);
});

test('the defaults are a valid configuration', () => {
  const { dataFolder: _, tls, checkpoints, authentication, ...settings } = resolveServerOptions(EMPTY, '/etc');
  const storage = { persistent_file_path: 'data/' };
  const document = checkConfig({ ...EMPTY, ...settings, tls, default: { storage, authentication, checkpoints } });
  assert.deepEqual(resolveServerOptions(document, '/etc'), resolveServerOptions(EMPTY, '/etc'));
});

test.run();
