/** Every setting of the server, changed in the file, reloaded, and observed from outside. */
import assert from 'node:assert/strict';
import { request } from 'node:http';
import { randomHexId } from '../../src/base/random-id.js';
import { settingRows } from '../../src/base/setting.js';
import type { ConfigDocument } from '../../src/config/config-document.js';
import { OUTSIDE_TABLE } from '../../src/config/settings-table.js';
import { exchangeRaw, statusesOf } from '../e2e/raw-exchange.js';
import { problemOf, until } from '../e2e/server-under-test.js';
import { SlowConnection } from '../e2e/slow-request.js';
import { suite } from '../suite.js';
import { type ReloadBench, withReloads } from './reload-bench.js';

const test = suite('reload-options.e2e');

const KEY = '/api/v1/projects/shop/keys/k';
const OPEN = { id: 'shop', authentication: { enabled: false } };
/** Longer than a wait of a test, so that only the setting under test can end anything. */
const LONG_SECONDS = 3600;
const PATIENT = { headers_seconds: LONG_SECONDS, request_seconds: LONG_SECONDS, idle_seconds: LONG_SECONDS };
/** Writes that are sent at once, again and again, until one finds the queue full. */
const FLOOD = 64;
const FLOODS_MAX = 200;

/** Members of the document that are to be set, and what is different then. */
interface Row {
  readonly members: object;
  /** Where the document has settings that this one must agree with. @default none */
  readonly base?: object;
  readonly observe: (reloads: ReloadBench) => Promise<void>;
}

async function status(reloads: ReloadBench, expected: number, code: string, send: Promise<{ readonly status: number }>): Promise<void> {
  const answer = await send;
  assert.equal(answer.status, expected);
  if (expected >= 400) assert.equal(problemOf(answer as never)['code'], code, reloads.text);
}

const put = async (reloads: ReloadBench, body: string, target = KEY): Promise<{ readonly status: number }> => (
  await reloads.server.send('PUT', target, { body })
);

/** What `GET …/limits` says. */
async function shown(reloads: ReloadBench, name: 'batch_ops' | 'batch_bytes' | 'key_bytes'): Promise<unknown> {
  const { text } = await reloads.server.send('GET', '/api/v1/projects/shop/limits');
  return (JSON.parse(text) as { readonly limits: Record<string, unknown> }).limits[name];
}

async function floodUntilFull(reloads: ReloadBench): Promise<void> {
  for (let round = 0; round < FLOODS_MAX; round += 1) {
    const body = JSON.stringify('x'.repeat(400));
    const answers = await Promise.all(Array.from({ length: FLOOD }, (_, index) => put(reloads, body, `${KEY}${index}`)));
    if (answers.some((answer) => answer.status === 503)) return;
  }
  assert.fail('no write found the queue full');
}

/** Opens an event stream that stays open; gives the status of its answer. */
async function openStream(reloads: ReloadBench, open: (() => void)[]): Promise<number> {
  const { hostname, port } = new URL(reloads.server.url);
  return await new Promise((resolve, reject) => {
    const headers = { Accept: 'text/event-stream' };
    const sent = request({ hostname, port, path: '/api/v1/projects/shop/events', headers, agent: false }, (response) => {
      response.on('error', () => undefined);
      resolve(response.statusCode ?? 0);
    });
    open.push(() => sent.destroy());
    sent.on('error', reject);
    sent.end();
  });
}

async function secondStreamIsRefused(reloads: ReloadBench): Promise<void> {
  const open: (() => void)[] = [];
  assert.equal(await openStream(reloads, open), 200);
  assert.equal(await openStream(reloads, open), 429);
  for (const close of open) close();
}

async function sendOnce(reloads: ReloadBench, name: string): Promise<boolean> {
  const { headers } = await reloads.server.send('PUT', KEY, { body: '1', headers: { 'Idempotency-Key': `"${name}"` } });
  return headers['idempotency-replayed'] === 'true';
}

async function closesUnaided(reloads: ReloadBench, bytes: string): Promise<string> {
  const connection = new SlowConnection(reloads.server.port);
  connection.write(bytes);
  await connection.closed();
  return connection.text;
}

async function isLogged(reloads: ReloadBench): Promise<boolean> {
  const { headers } = await reloads.server.send('GET', '/livez');
  const isIt = (): true | undefined => (reloads.server.lines.some((line) => line['request_id'] === headers['x-request-id']) || undefined);
  // A line of a request comes before the answer to the reload that follows it.
  await reloads.ask('GET', '/projects');
  await reloads.server.send('GET', '/livez');
  return isIt() === true;
}

const ROWS: Readonly<Record<string, Row>> = {
  'limits.max_value_bytes': {
    members: { limits: { max_value_bytes: 5 } }, observe: (it) => status(it, 413, 'body_too_large', put(it, '"12345"')),
  },
  'limits.max_key_bytes': {
    members: { limits: { max_key_bytes: 5 } }, observe: (it) => status(it, 400, 'invalid_key', put(it, '1', `${KEY}12345`)),
  },
  'limits.max_connections': {
    members: { limits: { max_connections: 1 } },
    observe: async (it) => {
      // The connection of the reload is the only one.
      assert.equal(await exchangeRaw(it.server.port, 'GET /livez HTTP/1.0\r\n\r\n'), '');
    },
  },
  'limits.max_queue_commands': { members: { limits: { max_queue_commands: 1 } }, observe: floodUntilFull },
  'limits.max_queue_bytes': {
    base: { limits: { max_value_bytes: 512 } },
    members: { limits: { max_value_bytes: 512, max_queue_bytes: 1024 } },
    observe: floodUntilFull,
  },
  'limits.max_answer_bytes': {
    // How answers share the memory is tested in answer-budget.test.ts; from outside, only a flood of long answers would show it.
    members: { limits: { max_answer_bytes: 16_777_216 } }, observe: (it) => status(it, 200, '', it.server.send('GET', '/readyz')),
  },
  'limits.max_batch_ops': {
    members: { limits: { max_batch_ops: 7 } }, observe: async (it) => assert.equal(await shown(it, 'batch_ops'), 7),
  },
  'limits.max_batch_bytes': {
    members: { limits: { max_batch_bytes: 2048 } }, observe: async (it) => assert.equal(await shown(it, 'batch_bytes'), 2048),
  },
  'limits.time_travel_bytes': {
    members: { limits: { time_travel_bytes: 1_048_576 } },
    observe: async (it) => {
      const value = JSON.stringify('v'.repeat(600_000));
      for (const name of ['a', 'b']) await put(it, value, `/api/v1/projects/shop/keys/large-${name}`);
      const { text } = await it.server.send('GET', '/api/v1/projects/shop/events?limit=1&order=desc');
      const { events: [newest] } = JSON.parse(text) as { readonly events: readonly { readonly seq: number }[] };
      const listing = it.server.send('GET', `/api/v1/projects/shop/keys?at=${newest?.seq ?? 0}`);
      await status(it, 507, 'state_too_large', listing);
    },
  },
  'limits.max_streams': { members: { limits: { max_streams: 1 } }, observe: secondStreamIsRefused },
  'limits.max_streams_per_key': { members: { limits: { max_streams_per_key: 1 } }, observe: secondStreamIsRefused },
  'limits.idempotency_seconds': {
    members: { limits: { idempotency_seconds: 1 } },
    observe: async (it) => {
      await sendOnce(it, 'seconds');
      await until('a request that is forgotten', async () => (await sendOnce(it, 'seconds') ? undefined : true), 300);
    },
  },
  'limits.idempotency_entries': {
    members: { limits: { idempotency_entries: 1 } },
    observe: async (it) => {
      assert.equal(await sendOnce(it, 'first'), false);
      assert.equal(await sendOnce(it, 'first'), true);
      assert.equal(await sendOnce(it, 'second'), false);
      assert.equal(await sendOnce(it, 'first'), false);
    },
  },
  'limits.idempotency_bytes': {
    // The least that is allowed holds some hundred requests.
    members: { limits: { idempotency_bytes: 65_536 } },
    observe: async (it) => {
      await sendOnce(it, 'oldest');
      await until('a request that is forgotten', async () => {
        const names = Array.from({ length: FLOOD }, () => randomHexId());
        await Promise.all(names.map((name) => sendOnce(it, name)));
        return await sendOnce(it, 'oldest') ? undefined : true;
      });
    },
  },
  'limits.max_failed_keys_per_minute': {
    members: { limits: { max_failed_keys_per_minute: 1 } },
    observe: async (it) => {
      const wrong = { key: 'an-unknown-key' };
      await it.server.send('GET', '/api/v1/projects', wrong);
      await status(it, 429, 'too_many_failed_keys', it.server.send('GET', '/api/v1/projects', wrong));
    },
  },
  'timeouts.headers_seconds': {
    members: { timeouts: { ...PATIENT, headers_seconds: 1 } },
    observe: async (it) => assert.deepEqual(statusesOf(await closesUnaided(it, 'GET /livez HTTP/1.1\r\nHost: x\r\n')), [408]),
  },
  'timeouts.request_seconds': {
    base: { timeouts: { ...PATIENT, headers_seconds: 1 } },
    members: { timeouts: { ...PATIENT, headers_seconds: 1, request_seconds: 2 } },
    observe: async (it) => {
      const head = `PUT ${KEY} HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: application/json\r\nContent-Length: 9\r\n\r\n1`;
      assert.deepEqual(statusesOf(await closesUnaided(it, head)), [408]);
    },
  },
  'timeouts.keep_alive_seconds': {
    members: { timeouts: { ...PATIENT, keep_alive_seconds: 77 } },
    observe: async (it) => assert.equal((await it.server.send('GET', '/livez')).headers['keep-alive'], 'timeout=77'),
  },
  'timeouts.idle_seconds': {
    members: { timeouts: { ...PATIENT, idle_seconds: 1 } }, observe: async (it) => assert.equal(await closesUnaided(it, 'GET'), ''),
  },
  log_level: { members: { log_level: 'warn' }, observe: async (it) => assert.equal(await isLogged(it), false) },
  allowed_hosts: {
    members: { allowed_hosts: ['kv.example'] },
    observe: (it) => status(it, 200, '', it.server.send('GET', '/livez', { headers: { Host: 'kv.example' } })),
  },
  allowed_origins: {
    members: { allowed_origins: ['https://app.example'] },
    observe: async (it) => {
      const { headers } = await it.server.send('GET', '/livez', { headers: { Origin: 'https://app.example' } });
      assert.equal(headers['access-control-allow-origin'], 'https://app.example');
    },
  },
  trusted_proxies: {
    members: { trusted_proxies: ['loopback'] },
    observe: async (it) => {
      await it.server.send('GET', '/livez', { headers: { 'X-Forwarded-For': '203.0.113.7' } });
      await it.server.line('the client behind the proxy', ({ remote }) => remote === '203.0.113.7');
    },
  },
  'docs.enabled': {
    members: { docs: { enabled: false } },
    observe: async (it) => {
      await status(it, 404, 'not_found', it.server.send('GET', '/docs/'));
      assert.ok(!(await it.server.send('GET', '/')).text.includes('/docs/'));
    },
  },
  'ui.enabled': {
    members: { ui: { enabled: false } },
    observe: async (it) => {
      await status(it, 404, 'not_found', it.server.send('GET', '/ui/'));
      await status(it, 200, '', it.server.send('GET', '/', { headers: { Accept: 'text/html' } }));
    },
  },
  'metrics.enabled': {
    members: { metrics: { enabled: false } },
    observe: (it) => status(it, 404, 'not_found', it.server.send('GET', '/metrics', { key: it.globalKey })),
  },
  'metrics.projects_max': {
    members: { metrics: { projects_max: 1 } },
    observe: async (it) => {
      await it.ask('POST', '/projects', { id: 'another', storage: { on_disk: false } });
      const { text } = await it.server.send('GET', '/metrics', { key: it.globalKey });
      await it.ask('DELETE', '/projects/another');
      assert.ok(text.includes('project="_other"'), text);
    },
  },
  print_api_keys: {
    members: { print_api_keys: false },
    observe: async (it) => {
      const { text } = await it.ask('POST', '/projects', { id: 'unprinted' });
      const { api_key: key } = JSON.parse(text) as { readonly api_key: string };
      await it.ask('DELETE', '/projects/unprinted');
      assert.ok(key.startsWith('skv_p_') && !it.server.stderr.includes(key));
    },
  },
  'default.authentication.enabled': {
    members: {}, observe: (it) => status(it, 200, '', it.server.send('GET', '/api/v1/projects')),
  },
};

/** Settings with a test of their own, or that only a restart changes. */
const ELSEWHERE = [
  'server_port', 'server_host', 'limits.max_header_bytes', 'limits.max_headers', 'default.storage.persistent_file_path',
  'default.checkpoints.file', 'default.checkpoints.interval_seconds', 'tls.key_file', 'tls.cert_file', 'timeouts.shutdown_seconds',
  'default.authentication.save_api_key_to_file',
];

test('the table has every setting of the server', () => {
  const all = settingRows(OUTSIDE_TABLE).map((row) => row.path);
  assert.deepEqual([...Object.keys(ROWS), ...ELSEWHERE].sort(), [...all].sort());
});

test('every setting is in force when the reload is answered, and gone when it is taken back', () => withReloads(async (it) => {
  await it.start([OPEN]);
  const { document } = it;
  for (const [setting, { members, base = {}, observe }] of Object.entries(ROWS)) {
    const withMembers = (given: object): object => (
      setting.startsWith('default.') ? withGlobalOpen(document, given === members) : { ...document, ...given }
    );
    await it.take(() => withMembers(base));
    const { changed, needs_restart: restart, projects } = await it.take(() => withMembers(members));
    assert.ok(changed.includes(setting), `${setting}: ${JSON.stringify(changed)}`);
    assert.deepEqual([restart, projects], [[], []], setting);
    await observe(it).catch((error: unknown) => {
      throw new Error(`${setting} is not in force`, { cause: error });
    });
    const back = await it.take(() => document);
    assert.ok(back.changed.includes(setting), setting);
  }
  assert.ok(await isLogged(it));
  await status(it, 201, '', put(it, '"123456"', `${KEY}-last`));
  await status(it, 200, '', it.server.send('GET', '/docs/'));
}), { timeoutMs: 300_000 });

function withGlobalOpen(document: ConfigDocument, isOpen: boolean): ConfigDocument {
  const authentication = { ...document.default?.authentication, enabled: !isOpen };
  return { ...document, default: { ...document.default, authentication } };
}

test('what only a restart changes is named at each reload, and the rest of the edit is in force', () => withReloads(async (it) => {
  await it.start([OPEN]);
  const edit = (document: ConfigDocument): object => ({
    ...document,
    server_port: 1,
    server_host: '::',
    limits: { max_header_bytes: 4096, max_headers: 10, max_key_bytes: 5 },
    tls: null,
    default: { ...document.default, checkpoints: { file: it.bench.path('c.jsonl') } },
  });
  const restart = ['limits.max_header_bytes', 'limits.max_headers', 'server_host', 'server_port', 'default.checkpoints.file'];
  const first = await it.take(edit);
  assert.deepEqual(first.changed, ['limits.max_key_bytes']);
  assert.deepEqual([...first.needs_restart].sort(), [...restart, 'default.checkpoints.interval_seconds'].sort());
  const second = await it.reload();
  assert.deepEqual([second.changed, second.needs_restart], [[], first.needs_restart]);
  await status(it, 400, 'invalid_key', put(it, '1', `${KEY}12345`));
}));

test('a setting that the environment decides stays as it is', () => withReloads(async (it) => {
  await it.start([OPEN], {}, { env: { SIMPLEKV_LIMITS__MAX_KEY_BYTES: '100' } });
  const { changed, needs_restart: restart } = await it.take((document) => ({ ...document, limits: { max_key_bytes: 5, max_streams: 9 } }));
  assert.deepEqual([changed, restart], [['limits.max_streams'], []]);
  await status(it, 201, '', put(it, '1', `${KEY}12345`));
}));

test('the time limit of a shutdown is that of the last reload', () => withReloads(async (it) => {
  await it.start([OPEN], { timeouts: { ...PATIENT, shutdown_seconds: LONG_SECONDS } });
  await it.take((document) => ({ ...document, timeouts: { ...PATIENT, shutdown_seconds: 1 } }));
  const hanging = new SlowConnection(it.server.port);
  hanging.write(`PUT ${KEY} HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: application/json\r\nContent-Length: 9\r\n\r\n1`);
  await it.server.send('GET', '/livez');
  // With the limit of the beginning, the shutdown would wait for the rest of the body for an hour.
  assert.equal((await it.server.stop()).code, 0);
}));

test.run();
