import assert from 'node:assert/strict';
import { existsSync, mkdirSync, readdirSync, readFileSync, statSync, truncateSync, writeFileSync } from 'node:fs';
import { connect } from 'node:net';
import { freePort } from '../../bench/server-process.js';
import { suite } from '../suite.js';
import { buildFaultShim } from './fault-shim.js';
import { readLogFiles } from './log-files.js';
import {
  problemOf,
  runCommand,
  ServerUnderTest,
  until,
  withWorkbench,
  type Workbench,
} from './server-under-test.js';

const test = suite('lifecycle');

const KEYS = '/api/v1/projects/p/keys';
const SLOW_MS = 2000;
const EXIT = { usage: 64, port: 69, locked: 75, configuration: 78 } as const;

/** Spawns another server with a configuration of its own. */
function spawnOther(bench: Workbench, configPath: string): ServerUnderTest {
  const other = new ServerUnderTest(configPath);
  bench.defer(() => other.kill());
  return other;
}

test('a second server on the data folder refuses and names the holder, and disturbs nothing', () =>
  withWorkbench(async (bench) => {
    bench.configure([{ id: 'p' }]);
    const server = await bench.start();
    const key = server.key('p');
    await server.send('PUT', `${KEYS}/k`, { key, body: '1' });
    mkdirSync(bench.path('other'));
    const otherConfig = bench.path('other', 'config.json');
    const storage = { persistent_file_path: bench.path('data') };
    const otherText = JSON.stringify({ version: 1, server_port: 0, default: { storage }, projects: [{ id: 'p' }] });
    writeFileSync(otherConfig, otherText, { mode: 0o600 });
    for (const configPath of [bench.configPath, otherConfig]) {
      const second = spawnOther(bench, configPath);
      assert.equal((await second.ended).code, EXIT.locked, second.stderr);
      assert.ok(second.stderr.includes(`pid ${server.process.pid}`), second.stderr);
      assert.ok(second.stderr.includes(JSON.stringify(bench.configPath)), second.stderr);
      assert.equal(second.stderr.trimEnd().split('\n').length, 1, 'one line, no stack, no key');
    }
    assert.equal(readFileSync(otherConfig, 'utf8'), otherText, 'the file of the refused one stays as it is');
    assert.equal((await server.send('PUT', `${KEYS}/k`, { key, body: '2' })).status, 200);
  }));

test('of several servers started at once on a folder one serves', () =>
  withWorkbench(async (bench) => {
    bench.configure([{ id: 'p' }]);
    const first = await bench.start();
    await first.kill();
    assert.ok(existsSync(bench.path('data', '_lock')), 'a killed server leaves its lock');
    const rivals = Array.from({ length: 3 }, () => bench.spawn());
    const outcomes = await Promise.all(
      rivals.map((rival) =>
        Promise.race([
          rival.ready().then(
            () => 'serves',
            () => 'ended',
          ),
          rival.ended.then(() => 'ended'),
        ]),
      ),
    );
    assert.equal(outcomes.filter((outcome) => outcome === 'serves').length, 1, outcomes.join());
    for (const [index, outcome] of outcomes.entries()) {
      if (outcome === 'ended') assert.equal((await rivals[index]?.ended)?.code, EXIT.locked);
    }
  }));

test('a lock that a killed server left is taken over, and a stopped server leaves none', () =>
  withWorkbench(async (bench) => {
    bench.configure([{ id: 'p' }]);
    for (let round = 0; round < 2; round += 1) {
      const server = await bench.start();
      await server.kill();
      assert.ok(existsSync(bench.path('data', '_lock')));
    }
    const server = await bench.start();
    assert.deepEqual(await server.stop(), { code: 0, signal: null });
    assert.ok(!existsSync(bench.path('data', '_lock')));
  }));

test('SIGTERM lets the write in flight end, answers what comes on its connection, and exits with 0', () =>
  withWorkbench(async (bench) => {
    const arm = bench.path('armed');
    const env = await buildFaultShim(bench, { path: '/data/p.jsonl', arm, ms: SLOW_MS });
    if (env === undefined) return;
    bench.configure([{ id: 'p' }]);
    const server = await bench.start({ env });
    const key = server.key('p');
    writeFileSync(arm, '');
    const socket = connect(server.port, '127.0.0.1');
    let text = '';
    socket.setEncoding('utf8').on('data', (piece: string) => void (text += piece));
    const closed = new Promise((resolve) => socket.on('close', resolve));
    const head = `Host: 127.0.0.1\r\nAuthorization: Bearer ${key}\r\n`;
    socket.write(`PUT ${KEYS}/slow HTTP/1.1\r\n${head}Content-Type: application/json\r\nContent-Length: 6\r\n\r\n"slow"`);
    await until('the line to be written', () =>
      readFileSync(bench.path('data', 'p.jsonl'), 'utf8').includes('"slow"') ? true : undefined,
    );
    server.process.kill('SIGTERM');
    await server.line('stopping', ({ msg }) => msg === 'stopping');
    socket.write(`GET /livez HTTP/1.1\r\n${head}\r\nGET /readyz HTTP/1.1\r\n${head}\r\nGET ${KEYS} HTTP/1.1\r\n${head}\r\n`);
    await assert.rejects(server.send('GET', '/livez', { headers: { Connection: 'close' } }), 'no new connection is taken');
    assert.deepEqual(await server.ended, { code: 0, signal: null });
    await closed;
    const statuses = [...text.matchAll(/HTTP\/1\.1 (\d{3})/g)].map(([, status]) => Number(status));
    assert.deepEqual(statuses, [201, 200, 503, 503], text);
    assert.match(text, /"status":"stopping"/);
    assert.match(text, /"code":"shutting_down"/);

    const again = await bench.start();
    assert.equal((await again.send('GET', `${KEYS}/slow`, { key })).text, '"slow"');
  }));

test('while it starts it lives, is not ready, and answers everything else with 503', () =>
  withWorkbench(async (bench) => {
    const env = await buildFaultShim(bench, { path: '/data', ms: SLOW_MS });
    if (env === undefined) return;
    const port = await freePort();
    bench.configure([{ id: 'p' }], { server_port: port });
    const first = await bench.start();
    const key = first.key('p');
    await first.stop();
    const server = bench.spawn({ env });
    server.url = `http://127.0.0.1:${port}`;
    const live = await until('the port', () => server.send('GET', '/livez').catch(() => undefined));
    assert.deepEqual([live.status, live.text], [200, '{"status":"live"}']);
    const unready = await server.send('GET', '/readyz');
    const progress = { status: 'starting', code: 'starting', projects_started: 0, projects_refused: 0, projects_total: 1 };
    assert.deepEqual([unready.status, JSON.parse(unready.text)], [503, progress]);
    assert.ok(Number(unready.headers['retry-after']) > 0);
    const refused = await server.send('GET', KEYS, { key });
    assert.deepEqual([refused.status, problemOf(refused)['code']], [503, 'starting']);
    assert.ok(Number(refused.headers['retry-after']) > 0);
    await server.line('its progress', ({ msg }) => /^starting, 0 of 1 project, opening "(?:p|_server)"/.test(String(msg)));
    await server.ready();
    assert.equal((await server.send('GET', KEYS, { key })).status, 200);
  }));

test('a log that another program cuts while it is open takes nothing more, and the next start refuses just that project', () =>
  withWorkbench(async (bench) => {
    bench.configure([{ id: 'p' }, { id: 'q' }]);
    const server = await bench.start();
    const key = server.key('global');
    for (let index = 0; index < 20; index += 1) await server.send('PUT', `${KEYS}/k${index}`, { key, body: `"${index}"` });
    const file = bench.path('data', 'p.jsonl');
    truncateSync(file, Math.floor(statSync(file).size / 2));
    // Noticed by the look before the write, or by the one between the write and its acknowledgement.
    const noticing = await server.send('PUT', `${KEYS}/late`, { key, body: '1' });
    assert.equal(noticing.status, 503);
    assert.ok(['log_failed', 'outcome_unknown'].includes(String(problemOf(noticing)['code'])), noticing.text);
    const later = await server.send('PUT', `${KEYS}/later`, { key, body: '1' });
    assert.deepEqual([later.status, problemOf(later)['code']], [503, 'log_failed']);
    assert.equal((await server.send('GET', `${KEYS}/k19`, { key })).text, '"19"', 'reads go on from memory');
    assert.equal((await server.send('PUT', '/api/v1/projects/q/keys/k', { key, body: '1' })).status, 201);
    await server.stop();

    const bytes = readFileSync(file);
    const again = await bench.start();
    const refused = await again.send('GET', `${KEYS}/k0`, { key });
    assert.deepEqual([refused.status, problemOf(refused)['code']], [503, 'project_corrupt']);
    assert.equal((await again.send('GET', '/api/v1/projects/q/keys/k', { key })).text, '1');
    assert.ok(readFileSync(file).equals(bytes), 'nothing of the damaged log is changed');
    const line = await again.line('corrupt', ({ level, project }) => level === 'error' && project === 'p');
    assert.match(JSON.stringify(line), /p\.jsonl/);
    assert.equal((await again.send('DELETE', '/api/v1/projects/p', { key })).status, 204, 'it can be deleted');
  }));

test("the configuration stays its owner's alone when it is written again", () =>
  withWorkbench(async (bench) => {
    bench.configure([{ id: 'p' }]);
    const server = await bench.start();
    assert.equal(statSync(bench.configPath).mode & 0o777, 0o600);
    const key = server.key('global');
    assert.equal((await server.send('POST', '/api/v1/projects/p/api-key/regenerate', { key })).status, 200);
    assert.equal((await server.send('POST', '/api/v1/projects', { key, body: '{"id":"more"}' })).status, 201);
    assert.equal(statSync(bench.configPath).mode & 0o777, 0o600);
    for (const folder of ['data', 'data/p']) assert.equal(statSync(bench.path(folder)).mode & 0o777, 0o750, folder);
    assert.equal(statSync(bench.path('data', 'p.jsonl')).mode & 0o777, 0o640);
    const { projects } = bench.document() as { projects: { id: string; revision: number }[] };
    assert.deepEqual(
      projects.map(({ id, revision }) => [id, revision]),
      [
        ['p', 2],
        ['more', 1],
      ],
    );
    assert.equal(readLogFiles(bench.path('data'), 'p').events.length, 2);
  }));

test('a configuration that cannot be replaced fails what wants to write it, and nothing else', () =>
  withWorkbench(async (bench) => {
    bench.configure([{ id: 'p' }]);
    const first = await bench.start();
    const key = first.key('global');
    await first.stop();
    const mounted = await runCommand('mount', ['--bind', bench.configPath, bench.configPath]);
    if (mounted.code !== 0) {
      console.log(`nothing can be mounted here (${mounted.output.trim()}): a configuration that cannot be replaced is not tested`);
      return;
    }
    bench.defer(() => runCommand('umount', ['--lazy', bench.configPath]));
    const text = readFileSync(bench.configPath, 'utf8');
    const server = await bench.start();
    for (const [method, target, body] of [
      ['POST', '/api/v1/projects', '{"id":"more"}'],
      ['POST', '/api/v1/projects/p/api-key/regenerate', undefined],
    ] as const) {
      const answer = await server.send(method, target, { key, ...(body === undefined ? {} : { body }) });
      assert.deepEqual([answer.status, problemOf(answer)['code']], [500, 'config_write_failed']);
    }
    assert.equal((await server.send('GET', KEYS, { key: first.key('p') })).status, 200, 'the old key goes on working');
    assert.equal((await server.send('PUT', `${KEYS}/k`, { key, body: '1' })).status, 201);
    assert.equal((await server.send('GET', '/api/v1/projects/more', { key })).status, 404);
    assert.equal(readFileSync(bench.configPath, 'utf8'), text);
    const names = readdirSync(bench.folder).sort();
    assert.deepEqual(names, ['config.json', 'data'], 'no file is left behind');
    assert.deepEqual(
      readdirSync(bench.path('data')).filter((name) => name.startsWith('more')),
      [],
    );
    await server.kill();
    const again = await bench.start();
    assert.equal((await again.send('GET', `${KEYS}/k`, { key: first.key('p') })).text, '1');
  }));

test('a configuration that cannot be used stops the start with its code and stays as it is', () =>
  withWorkbench(async (bench) => {
    const texts = ['', '{"version":1,', '{"version":2,"projects":[]}', '{"version":1,"projects":[],"server_prot":1}'];
    const project = { id: 'p' };
    const documents = [
      { version: 1, projects: [project, project] },
      { version: 1, projects: [{ id: 'p', authentication: { enabled: true, api_key_hash: 'sha256:00' } }] },
      { version: 1, projects: [], default: { storage: { persistent_file_path: '.' } } },
    ];
    for (const text of [...texts, ...documents.map((document) => JSON.stringify(document))]) {
      writeFileSync(bench.configPath, text, { mode: 0o600 });
      const server = bench.spawn();
      assert.deepEqual(await server.ended, { code: EXIT.configuration, signal: null }, `${text}: ${server.stderr}`);
      assert.equal(server.stderr.trimEnd().split('\n').length, 1, server.stderr);
      assert.equal(readFileSync(bench.configPath, 'utf8'), text);
    }
  }));

test('a port that is taken stops the start with its code, and the folder is free again', () =>
  withWorkbench(async (bench) => {
    bench.configure([{ id: 'p' }]);
    const server = await bench.start();
    mkdirSync(bench.path('other'));
    const config = bench.path('other', 'config.json');
    writeFileSync(config, JSON.stringify({ version: 1, server_port: server.port, projects: [] }), { mode: 0o600 });
    const second = spawnOther(bench, config);
    assert.equal((await second.ended).code, EXIT.port, second.stderr);
    assert.ok(!existsSync(bench.path('other', 'data', '_lock')));
    await server.stop();
    const third = spawnOther(bench, config);
    await third.ready();
  }));

test.run();
