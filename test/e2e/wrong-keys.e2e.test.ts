import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { generateApiKey } from '../../src/auth/api-key.js';
import { suite } from '../suite.js';
import { inForm } from '../test-form.js';
import { problemOf, withWorkbench, type Answer } from './server-under-test.js';

const test = suite('wrong-keys');

const CHOSEN = 'a-key-that-a-person-typed';
const ATTEMPTS = inForm({ short: 6, long: 12 });
/** A derivation takes seconds on a machine whose cores are busy. */
const TIMEOUT_MS = 180_000;
const KEYS = '/api/v1/projects';

test('many wrong keys at once neither stop good ones nor wear out the one that was chosen', () =>
  withWorkbench(async (bench) => {
    bench.configure([{ id: 'chosen', authentication: { enabled: true, api_key: CHOSEN } }, { id: 'p' }]);
    const server = await bench.start();
    assert.deepEqual([...server.keys.keys()].sort(), ['global', 'p'], 'a chosen key is never printed');
    const text = readFileSync(bench.configPath, 'utf8');
    assert.ok(text.includes('"scrypt:') && !text.includes(CHOSEN), text);
    const readChosen = (): Promise<Answer> => server.send('GET', `${KEYS}/chosen/keys`, { key: CHOSEN });
    assert.equal((await readChosen()).status, 200);

    let isOver = false;
    const good: number[] = [];
    const chosen: number[] = [];
    const goodWriter = (async () => {
      for (let index = 0; !isOver; index += 1) {
        good.push((await server.send('PUT', `${KEYS}/p/keys/k${index % 10}`, { key: server.key('p'), body: String(index) })).status);
      }
    })();
    const chosenReader = (async () => {
      while (!isOver) chosen.push((await readChosen()).status);
    })();
    const wrong = Array.from({ length: ATTEMPTS }, (_, index) =>
      server.send('GET', `${KEYS}/chosen/keys`, { key: `wrong-key-number-${index}` }),
    );
    const answers = await Promise.all(wrong);
    isOver = true;
    await Promise.all([goodWriter, chosenReader]);

    assert.ok(good.length > 0 && good.every((status) => status === 200 || status === 201), String(good.filter((status) => status > 299)));
    assert.ok(chosen.length > 0 && chosen.every((status) => status === 200), String(chosen.filter((status) => status !== 200)));
    for (const answer of answers) {
      assert.ok(answer.status === 401 || answer.status === 429, answer.text);
      if (answer.status === 429) assert.ok(Number(answer.headers['retry-after']) > 0);
      if (answer.status === 429) assert.equal(problemOf(answer)['code'], 'too_many_failed_keys');
    }
    assert.equal((await readChosen()).status, 200);
    assert.equal((await server.send('GET', `${KEYS}/chosen/keys`, { key: server.key('global') })).status, 200);
  }), { timeoutMs: TIMEOUT_MS });

test('an address that failed often gets 429 for unknown keys, and a valid key is let through all the same', () =>
  withWorkbench(async (bench) => {
    bench.configure([{ id: 'p' }, { id: 'q' }], { limits: { max_failed_keys_per_minute: 20 } });
    const server = await bench.start();
    const statuses: number[] = [];
    for (let index = 0; index < 40; index += 1)
      statuses.push((await server.send('GET', KEYS, { key: generateApiKey('global') })).status);
    assert.deepEqual(statuses, [...Array.from({ length: 20 }, () => 401), ...Array.from({ length: 20 }, () => 429)]);
    assert.equal((await server.send('GET', KEYS, { key: server.key('global') })).status, 200);
    assert.equal((await server.send('GET', `${KEYS}/p/keys`, { key: server.key('p') })).status, 200);
    assert.equal(
      (await server.send('GET', `${KEYS}/p/keys`, { key: server.key('q') })).status,
      403,
      'a valid key elsewhere is no failure',
    );
    assert.equal((await server.send('GET', KEYS)).status, 401, 'no key is no failure');
    const spoofed = await server.send('GET', KEYS, { key: generateApiKey('global'), headers: { 'X-Forwarded-For': '192.0.2.1' } });
    assert.equal(spoofed.status, 429, 'a header does not change the address of a client');
  }));

test('a chosen key is let in by a server that has just started, in the middle of a flood from its address', () =>
  withWorkbench(async (bench) => {
    bench.configure([{ id: 'chosen', authentication: { enabled: true, api_key: CHOSEN } }], { limits: { max_failed_keys_per_minute: 3 } });
    const first = await bench.start();
    await first.kill();
    const server = await bench.start();
    let isOver = false;
    const statuses: number[] = [];
    const flood = Array.from({ length: 4 }, async (_, loop) => {
      for (let index = 0; !isOver; index += 1) {
        statuses.push((await server.send('GET', `${KEYS}/chosen/keys`, { key: `wrong-key-${loop}-${index}` })).status);
      }
    });
    // The address is throttled from here on.
    while (!statuses.includes(429)) await new Promise((resolve) => setTimeout(resolve, 10));
    const answer = await server.send('GET', `${KEYS}/chosen/keys`, { key: CHOSEN });
    isOver = true;
    await Promise.all(flood);
    assert.equal(answer.status, 200, answer.text);
    const told = server.lines.filter(({ level, remote }) => level === 'warn' && remote === '127.0.0.1');
    assert.equal(told.length, 1, 'an address that begins to be throttled is logged once');
  }), { timeoutMs: TIMEOUT_MS });

test('a chosen key works after a restart that finds it nowhere in the file', () =>
  withWorkbench(async (bench) => {
    bench.configure([{ id: 'chosen', authentication: { enabled: true, api_key: CHOSEN } }]);
    const first = await bench.start();
    const document = bench.document();
    await first.kill();
    const server = await bench.start();
    assert.deepEqual(bench.document(), document, 'the hash is not made anew');
    assert.equal((await server.send('PUT', `${KEYS}/chosen/keys/k`, { key: CHOSEN, body: '1' })).status, 201);
    assert.equal((await server.send('PUT', `${KEYS}/chosen/keys/k`, { key: `${CHOSEN}x`, body: '1' })).status, 401);
  }));

test.run();
