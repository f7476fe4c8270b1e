import assert from 'node:assert/strict';
import { settingRows } from '../../src/base/setting.js';
import { checkConfig } from '../../src/config/check-config.js';
import { compareOptions } from '../../src/config/compare-options.js';
import type { ConfigDocument } from '../../src/config/config-document.js';
import { resolveServerOptions, type ServerOptions } from '../../src/config/server-options.js';
import { OUTSIDE_TABLE } from '../../src/config/settings-table.js';
import { suite } from '../suite.js';

const test = suite('compare-options');

const EMPTY: ConfigDocument = { version: 1, projects: [] };
const BEFORE = optionsOf({});

/** What only a restart changes, in the order of the table. */
const RESTART = [
  'server_port', 'server_host', 'limits.max_header_bytes', 'limits.max_headers', 'default.storage.persistent_file_path',
  'default.checkpoints.file', 'default.checkpoints.interval_seconds',
];

function optionsOf(members: object): ServerOptions {
  return resolveServerOptions(checkConfig({ ...EMPTY, ...members }), '/etc/simplekv');
}

/** A document that changes one setting, and if needed another one that it must agree with. */
function documentWith(setting: string): object {
  const [top = '', second, third] = setting.split('.');
  if (setting.startsWith('default.checkpoints')) return { default: { checkpoints: { file: '/c', interval_seconds: 60 } } };
  const value = OTHER_VALUES[setting];
  assert.notEqual(value, undefined, `${setting} needs another value here`);
  if (second === undefined) return { [top]: value };
  return { [top]: third === undefined ? { [second]: value } : { [second]: { [third]: value } } };
}

const OTHER_VALUES: Readonly<Record<string, unknown>> = {
  server_port: 1, server_host: '::', log_level: 'warn', allowed_hosts: ['a'], allowed_origins: ['https://a'], trusted_proxies: ['loopback'],
  print_api_keys: false, 'docs.enabled': false, 'ui.enabled': false, 'metrics.enabled': false,
  'metrics.projects_max': 1, 'default.storage.persistent_file_path': '/kv', 'default.authentication.enabled': false,
  'default.authentication.save_api_key_to_file': true, 'limits.max_answer_bytes': 16_777_216,
  'limits.max_queue_bytes': 16_777_216, 'limits.max_value_bytes': 1024, 'limits.time_travel_bytes': 1_048_576,
  'limits.idempotency_bytes': 65_536, 'limits.max_header_bytes': 4096, 'limits.max_batch_bytes': 4096,
  ...Object.fromEntries([
    'max_key_bytes', 'max_headers', 'max_connections', 'max_queue_commands', 'max_batch_ops', 'max_streams', 'max_streams_per_key',
    'idempotency_seconds', 'idempotency_entries', 'max_failed_keys_per_minute',
  ].map((name) => [`limits.${name}`, 10])),
  ...Object.fromEntries(['headers', 'request', 'keep_alive', 'idle', 'shutdown'].map((name) => [`timeouts.${name}_seconds`, 9])),
  'timeouts.request_seconds': 20,
};

test('equal options have no change', () => {
  assert.deepEqual(compareOptions(BEFORE, optionsOf({})), { options: BEFORE, changed: [], needsRestart: [] });
});

test('a change of any setting of the server is found, and either is in force or needs a restart', () => {
  for (const { path: setting } of settingRows(OUTSIDE_TABLE).filter(({ path }) => !path.startsWith('tls.'))) {
    const after = optionsOf(documentWith(setting));
    const { options, changed, needsRestart } = compareOptions(BEFORE, after);
    if (RESTART.includes(setting)) {
      assert.ok(needsRestart.includes(setting), setting);
      assert.deepEqual([changed, options], [[], BEFORE], setting);
    } else {
      // Without a keep-alive of its own, that of a server behind a proxy is longer.
      const also = setting === 'trusted_proxies' ? ['timeouts.keep_alive_seconds'] : [];
      assert.deepEqual([[...changed].sort(), needsRestart], [[...also, setting].sort(), []], setting);
      assert.deepEqual(options, after, setting);
    }
  }
});

test('what needs a restart does not hold up what does not', () => {
  const after = optionsOf({ server_port: 1, limits: { max_headers: 10, max_streams: 10 } });
  const { options, changed, needsRestart } = compareOptions(BEFORE, after);
  assert.deepEqual([changed, needsRestart], [['limits.max_streams'], ['server_port', 'limits.max_headers']]);
  assert.deepEqual(options, { ...BEFORE, limits: { ...BEFORE.limits, max_streams: 10 } });
});

test('HTTPS is switched by a restart; other files of it are not', () => {
  const tls = (name: string): ServerOptions => optionsOf({ tls: { key_file: `${name}.key`, cert_file: `${name}.pem` } });
  for (const [before, after] of [[BEFORE, tls('a')], [tls('a'), BEFORE]] as const) {
    const { options, changed, needsRestart } = compareOptions(before, after);
    assert.deepEqual([changed, needsRestart, options.tls], [[], ['tls'], before.tls]);
  }
  assert.deepEqual(compareOptions(tls('a'), tls('b')).options.tls, tls('b').tls);
});

test.run();
