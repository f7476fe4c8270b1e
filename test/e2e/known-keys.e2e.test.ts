/** A typed key that the server has recognised once does not wait for made-up ones, also after a restart. */
import assert from 'node:assert/strict';
import { chmodSync, existsSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { hashTyped } from '../../src/auth/key-hash.js';
import { randomSalt } from '../../src/base/random-id.js';
import { suite } from '../suite.js';
import { type Answer, type ServerUnderTest, until, withWorkbench, type Workbench } from './server-under-test.js';

const test = suite('known-keys');

const CHOSEN = 'a-key-that-was-typed';
const PATH = '/api/v1/projects/chosen/keys';
const FLOOD = 12;
const MODE_BITS = 0o777;
/** A derivation takes seconds on a machine whose cores are busy. */
const TIMEOUT_MS = 180_000;

function knownKeysPath(bench: Workbench): string {
  return `${bench.configPath}.known-keys`;
}

function knownKeysText(bench: Workbench): Promise<string> {
  return until('the file of known keys', () => (existsSync(knownKeysPath(bench)) ? readFileSync(knownKeysPath(bench), 'utf8') : undefined));
}

/** A configuration with a hash that a person has copied from elsewhere: the server has never seen the key. */
async function configureHash(bench: Workbench): Promise<void> {
  bench.configure([{ id: 'chosen', authentication: { enabled: true, api_key_hash: await hashTyped(CHOSEN, randomSalt()) } }]);
}

/** Sends made-up keys at once, and what is asked once the first of them is refused; gives how many more were refused before its answer. */
async function askBehindFlood(server: ServerUnderTest, ask: () => Promise<Answer>): Promise<{ answer: Answer; passedBy: number }> {
  let refused = 0;
  for (let index = 0; index < FLOOD; index += 1) {
    // The server is killed while they wait.
    void server.send('GET', PATH, { key: `wrong-key-${index}` }).then(() => { refused += 1; }, () => undefined);
  }
  await until('a wrong key that is refused', () => (refused > 0 ? true : undefined));
  const before = refused;
  const answer = await ask();
  return { answer, passedBy: refused - before };
}

async function assertKnown(server: ServerUnderTest): Promise<void> {
  const { answer, passedBy } = await askBehindFlood(server, () => server.send('GET', PATH, { key: CHOSEN }));
  assert.equal(answer.status, 200, answer.text);
  assert.ok(passedBy <= 1, `${passedBy} of ${FLOOD} wrong keys were served before the typed key`);
  await server.kill();
}

test('after a restart a typed key that was used before is answered at once, while wrong keys of its address and project wait',
  () => withWorkbench(async (bench) => {
    await configureHash(bench);
    const first = await bench.start();
    assert.equal((await first.send('GET', PATH, { key: 'a-wrong-key' })).status, 401);
    assert.ok(!existsSync(knownKeysPath(bench)), 'a wrong key writes nothing');
    assert.equal((await first.send('GET', PATH, { key: CHOSEN })).status, 200);
    const text = await knownKeysText(bench);
    await first.stop();
    assert.equal(statSync(knownKeysPath(bench)).mode & MODE_BITS, 0o600);
    assert.ok(!text.includes(CHOSEN), text);

    await assertKnown(await bench.start());
    assert.equal(readFileSync(knownKeysPath(bench), 'utf8'), text, 'neither the flood nor a key that is known writes to the file');
  }), { timeoutMs: TIMEOUT_MS });

test('a key that was typed into the configuration is known from the first request on', () => withWorkbench(async (bench) => {
  bench.configure([{ id: 'chosen', authentication: { enabled: true, api_key: CHOSEN } }]);
  await assertKnown(await bench.start());
  await assertKnown(await bench.start());
}), { timeoutMs: TIMEOUT_MS });

test('a replaced key is not let in by the file, and a file that others may read is not used', () => withWorkbench(async (bench) => {
  await configureHash(bench);
  const status = async (server: ServerUnderTest): Promise<number> => (await server.send('GET', PATH, { key: CHOSEN })).status;
  const first = await bench.start();
  assert.equal(await status(first), 200);
  const text = await knownKeysText(bench);
  const config = readFileSync(bench.configPath);
  assert.equal((await first.send('POST', '/api/v1/projects/chosen/api-key/regenerate', { key: first.key('global') })).status, 200);
  assert.equal(await status(first), 401);
  await first.stop();

  const second = await bench.start();
  assert.equal(await status(second), 401);
  await second.stop();
  assert.equal(readFileSync(knownKeysPath(bench), 'utf8'), text);

  writeFileSync(bench.configPath, config);
  chmodSync(knownKeysPath(bench), 0o644);
  const third = await bench.start();
  assert.ok(third.lines.some(({ level, msg }) => level === 'warn' && String(msg).includes('is open to other users')));
  assert.equal(await status(third), 200, 'with a derivation, as without the file');
  await third.stop();
  assert.equal(statSync(knownKeysPath(bench)).mode & MODE_BITS, 0o600);
  assert.notEqual(readFileSync(knownKeysPath(bench), 'utf8'), text);
}), { timeoutMs: TIMEOUT_MS });

test.run();
