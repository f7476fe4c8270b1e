/** Settings from the environment and the command line: how each is written, what overrides what, and what is refused. */
import assert from 'node:assert/strict';
import path from 'node:path';
import { settingRows } from '../../src/base/setting.js';
import { checkConfig } from '../../src/config/check-config.js';
import type { ConfigDocument } from '../../src/config/config-document.js';
import { ConfigError } from '../../src/config/config-error.js';
import {
  environmentSettings, inForce, outsideSettings, type OutsideSetting, readSetting, variableOf,
} from '../../src/config/outside-settings.js';
import { OUTSIDE_TABLE, SETTINGS } from '../../src/config/settings-table.js';
import { suite } from '../suite.js';

const test = suite('outside-settings');

const EMPTY: ConfigDocument = { version: 1, projects: [] };

/** The message of a refused environment. */
function refusal(environment: Readonly<Record<string, string>>): string {
  try {
    inForce(EMPTY, environmentSettings(environment));
  } catch (error) {
    assert.ok(error instanceof ConfigError, String(error));
    return error.message;
  }
  return assert.fail(`not refused: ${JSON.stringify(environment)}`);
}

function settingsIn(environment: Readonly<Record<string, string>>): Readonly<Record<string, unknown>> {
  return Object.fromEntries(environmentSettings(environment).map(({ path: setting, value }) => [setting, value]));
}

test('a variable is the path of its setting in capitals, with two underscores for a dot', () => {
  assert.equal(variableOf('server_port'), 'SIMPLEKV_SERVER_PORT');
  assert.equal(variableOf('limits.max_value_bytes'), 'SIMPLEKV_LIMITS__MAX_VALUE_BYTES');
  assert.equal(variableOf('default.storage.persistent_file_path'), 'SIMPLEKV_DEFAULT__STORAGE__PERSISTENT_FILE_PATH');
});

test('every setting that is not of a project can come from the environment, and has a variable of its own', () => {
  const rows = settingRows(OUTSIDE_TABLE);
  assert.equal(new Set(rows.map((row) => variableOf(row.path))).size, rows.length);
  for (const { path: setting, setting: { default: value } } of rows) {
    const text = value === null ? '/a/file' : typeof value === 'string' ? value : JSON.stringify(value);
    const [read] = environmentSettings({ [variableOf(setting)]: text });
    const isPath = typeof value !== 'number' && /path|file/.test(setting) && !setting.includes('save');
    assert.deepEqual(read, {
      path: setting, value: isPath ? path.resolve(text) : value, origin: 'environment', source: variableOf(setting),
    });
  }
});

test('a value is JSON unless the setting is a text, and a list of texts may be separated by commas', () => {
  assert.deepEqual(settingsIn({
    SIMPLEKV_SERVER_PORT: '8080', SIMPLEKV_SERVER_HOST: '0.0.0.0', SIMPLEKV_DOCS__ENABLED: 'false', SIMPLEKV_LOG_LEVEL: 'warn',
    SIMPLEKV_ALLOWED_HOSTS: 'a.example, b.example:80', SIMPLEKV_TRUSTED_PROXIES: '["loopback"]', SIMPLEKV_ALLOWED_ORIGINS: '[]',
    SIMPLEKV_DEFAULT__CHECKPOINTS__FILE: 'null',
  }), {
    server_port: 8080, server_host: '0.0.0.0', 'docs.enabled': false, log_level: 'warn', allowed_hosts: ['a.example', 'b.example:80'],
    trusted_proxies: ['loopback'], allowed_origins: [], 'default.checkpoints.file': null,
  });
});

test('a relative path from outside starts from the current folder, not from that of the file', () => {
  const { value } = readSetting('default.storage.persistent_file_path', 'kv/data', '--data');
  assert.equal(value, path.resolve('kv/data'));
});

test('a wrong value is refused with the variable, the text and what was expected', () => {
  const refused = {
    SIMPLEKV_SERVER_PORT: ['70000', 'expected a port from 0 to 65535'],
    SIMPLEKV_LIMITS__MAX_KEY_BYTES: ['1k', 'expected a whole number of bytes from 1 to 1024'],
    SIMPLEKV_DOCS__ENABLED: ['yes', 'expected true or false'],
    SIMPLEKV_LOG_LEVEL: ['loud', 'expected one of trace, debug'],
    SIMPLEKV_ALLOWED_HOSTS: ['a,,b', 'as a,b or as JSON, each the name of a host'],
    SIMPLEKV_TRUSTED_PROXIES: ['nonsense', 'expected an IP address'],
    SIMPLEKV_SERVER_HOST: ['a b', 'expected the name or the IP address'],
  } as const;
  for (const [name, [text, expected]] of Object.entries(refused)) {
    const message = refusal({ [name]: text });
    assert.ok(message.startsWith(`Cannot use ${name}: `) && message.includes(expected), message);
  }
});

test('an empty value is refused for every setting: it could mean none, or the default', () => {
  for (const { path: setting } of settingRows(OUTSIDE_TABLE)) {
    for (const text of ['', ' ']) {
      const message = refusal({ [variableOf(setting)]: text });
      assert.match(message, new RegExp(`^Cannot use ${variableOf(setting)}: it is (empty|" "), expected .*unset it`));
    }
  }
});

test('an unknown variable is refused with the nearest name', () => {
  const nearest = {
    SIMPLEKV_SERVER_PROT: 'SIMPLEKV_SERVER_PORT', SIMPLEKV_LIMITS_MAX_KEY_BYTES: 'SIMPLEKV_LIMITS__MAX_KEY_BYTES',
    SIMPLEKV_CONFG: 'SIMPLEKV_CONFIG', SIMPLEKV_URLS: 'SIMPLEKV_URL',
  };
  for (const [name, expected] of Object.entries(nearest)) {
    assert.match(refusal({ [name]: '1' }), new RegExp(`^Cannot use ${name}: it is not a variable .* nearest one is ${expected}\\.`));
  }
});

test('a setting of projects is refused as one, because only the configuration and the API set it', () => {
  const outside = new Set(settingRows(OUTSIDE_TABLE).map((row) => row.path));
  const ofProjects = settingRows(SETTINGS).map((row) => row.path).filter((setting) => !outside.has(setting));
  assert.ok(ofProjects.includes('default.quota.max_keys'));
  for (const setting of ofProjects) assert.match(refusal({ [variableOf(setting)]: '1' }), /is a setting of projects/);
});

test('the variables of the client, of the start, and those that Kubernetes injects set nothing', () => {
  const environment = {
    SIMPLEKV_URL: 'http://h', SIMPLEKV_PROJECT: 'a', SIMPLEKV_KEY: 'k', SIMPLEKV_KEY_FILE: 'f', SIMPLEKV_PROFILE: 'p',
    SIMPLEKV_COMPLETE_KEYS: '1', SIMPLEKV_CONFIG: 'c', SIMPLEKV_GLOBAL_KEY_FILE: 'g',
    SIMPLEKV_SERVICE_HOST: '10.0.0.1', SIMPLEKV_SERVICE_PORT: '80', SIMPLEKV_SERVICE_PORT_HTTP: '80', SIMPLEKV_PORT: 'tcp://10.0.0.1:80',
    SIMPLEKV_PORT_80_TCP: 'tcp://10.0.0.1:80', SIMPLEKV_PORT_80_TCP_ADDR: '10.0.0.1', simplekv_server_port: '1', OTHER: '1',
  };
  assert.deepEqual(environmentSettings(environment), []);
  assert.match(refusal({ SIMPLEKV_PORTS: '80' }), /nearest/);
});

test('the command line is over the environment, which is over the file', () => {
  const commandLine: OutsideSetting[] = [{ ...readSetting('server_port', '1', '--port'), origin: 'command line' }];
  const outside = outsideSettings(commandLine, environmentSettings({ SIMPLEKV_SERVER_PORT: '2', SIMPLEKV_SERVER_HOST: '::' }));
  const file = checkConfig({ ...EMPTY, server_port: 3, server_host: '127.0.0.1', log_level: 'debug' });
  const whole = inForce(file, outside);
  assert.deepEqual([whole.server_port, whole.server_host, whole.log_level], [1, '::', 'debug']);
  assert.deepEqual([file.server_port, file.server_host], [3, '127.0.0.1']);
  assert.equal(inForce(file, []), file);
});

test('a setting from outside goes into its group, also where the file has null for it', () => {
  const outside = environmentSettings({ SIMPLEKV_TLS__KEY_FILE: '/k', SIMPLEKV_TLS__CERT_FILE: '/c', SIMPLEKV_LIMITS__MAX_HEADERS: '50' });
  const whole = inForce(checkConfig({ ...EMPTY, tls: null, limits: { max_key_bytes: 9 } }), outside);
  assert.deepEqual(whole.tls, { key_file: '/k', cert_file: '/c' });
  assert.deepEqual(whole.limits, { max_key_bytes: 9, max_headers: 50 });
});

test('settings that do not agree with those of the file are refused with the variable', () => {
  assert.match(refusal({ SIMPLEKV_TLS__KEY_FILE: '/k' }), /^Cannot use SIMPLEKV_TLS__KEY_FILE: \/tls\/cert_file is missing/);
  const short = refusal({ SIMPLEKV_TIMEOUTS__REQUEST_SECONDS: '5' });
  assert.match(short, /^Cannot use SIMPLEKV_TIMEOUTS__REQUEST_SECONDS: .*headers_seconds is 10/);
  const open = checkConfig({ ...EMPTY, default: { authentication: { enabled: false } } });
  const outside = environmentSettings({ SIMPLEKV_ALLOWED_ORIGINS: '*' });
  assert.throws(() => inForce(open, outside), /Cannot use SIMPLEKV_ALLOWED_ORIGINS: \/default\/authentication\/enabled is false/);
});

test.run();
