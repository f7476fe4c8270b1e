/**
 * A typed key costs a derivation. While others present made-up keys as fast as they can, it must be checked within a bounded number of
 * derivations, also in a process that has never seen it.
 */
import assert from 'node:assert/strict';
import { digestKey } from '../../src/auth/key-hash.js';
import { suite } from '../suite.js';
import { open } from './raw-client.js';
import { withServer, type Answer, type TestServer, type TestServerOptions } from './test-server.js';

const test = suite('typed-key-flood');

const SALT = 'AAAAAAAAAAAAAAAAAAAAAA';
const CHOSEN = 'a-key-that-was-typed';
/** The address that presents the typed key. */
const ADDRESS = '192.0.2.1';
const FLOOD_CONNECTIONS = 30;
const DERIVATION_MS = 5;
const PATIENCE_MS = 50;

function quickHash(key: string): string {
  return `scrypt:32768:8:3:${SALT}:${digestKey(SALT + key).toString('base64url')}`;
}

/** Records the derived keys; a derivation takes a moment and no memory. */
class Counted {
  readonly keys: string[] = [];
  readonly #durationMs: number;

  constructor(durationMs = DERIVATION_MS) {
    this.#durationMs = durationMs;
  }

  readonly derive = async (key: string): Promise<string> => {
    this.keys.push(key);
    await new Promise((resolve) => setTimeout(resolve, this.#durationMs));
    return quickHash(key);
  };
}

/** Presents a key, and disconnects before the answer. */
async function abandon(server: TestServer, key: string): Promise<void> {
  const socket = await open(server.port);
  socket.write(`GET /api/v1/projects/alpha/keys HTTP/1.1\r\nHost: x\r\nX-API-Key: ${key}\r\n\r\n`);
  await new Promise((resolve) => setTimeout(resolve, PATIENCE_MS));
  socket.destroy();
}

/** Presents new keys on many connections until it is stopped. */
class Flood {
  readonly statuses: number[] = [];
  #isOver = false;
  readonly #loops: Promise<void>[];

  constructor(server: TestServer, path: string, addressOf: (loop: number) => string) {
    this.#loops = Array.from({ length: FLOOD_CONNECTIONS }, async (_, loop) => {
      for (let index = 0; !this.#isOver; index += 1) {
        const headers = { 'X-Forwarded-For': addressOf(loop) };
        this.statuses.push((await server.send('GET', path, { key: `wrong ${loop} ${index}`, headers })).status);
      }
    });
  }

  /** Waits until that many of its requests are answered. */
  async answered(count: number): Promise<void> {
    while (this.statuses.length < count) await new Promise((resolve) => setTimeout(resolve, 1));
  }

  async end(): Promise<void> {
    this.#isOver = true;
    await Promise.all(this.#loops);
  }
}

interface Asked {
  readonly flooded: string;
  readonly addressOf: (loop: number) => string;
}

/** The number of derivations started before the typed key arrived: the time until then belongs to the connection. */
function noteDerivationsBefore({ keyring }: TestServer, { keys }: Counted): () => number {
  const identify = keyring.identify.bind(keyring);
  let count = 0;
  keyring.identify = (presented, presenter) => {
    if (presented === CHOSEN) count = keys.length;
    return identify(presented, presenter);
  };
  return () => count;
}

/** The position of the typed key's derivation after the server has seen it, from 1. Its answer must succeed. */
async function turnOfTypedKey({ flooded, addressOf }: Asked): Promise<number> {
  const counted = new Counted();
  const options: TestServerOptions = { failuresPerMinute: 1, derive: counted.derive, http: { trustedProxies: ['127.0.0.1'] } };
  let turn = 0;
  await withServer(async (server) => {
    server.keyring.setKey({ kind: 'project', project: 'alpha' }, { hash: quickHash(CHOSEN) });
    server.keyring.setKey({ kind: 'project', project: 'beta' }, { hash: quickHash(`${CHOSEN} too`) });
    const flood = new Flood(server, `/api/v1/projects/${flooded}/keys`, addressOf);
    try {
      // By now every address of the flood is throttled, and every connection has a request in the queue.
      await flood.answered(FLOOD_CONNECTIONS * 2);
      const before = noteDerivationsBefore(server, counted);
      const headers = { 'X-Forwarded-For': ADDRESS };
      const answer: Answer = await server.send('GET', '/api/v1/projects/alpha/keys', { key: CHOSEN, headers });
      assert.equal(answer.status, 200, answer.text);
      turn = counted.keys.indexOf(CHOSEN) + 1 - before();
    } finally {
      await flood.end();
    }
    assert.ok(flood.statuses.includes(429) && flood.statuses.every((status) => status === 401 || status === 429));
  }, options);
  return turn;
}

// Each server is a process that has not seen the key, as after a restart.
test('a typed key is checked in a flood from its own address and on its own project, within twice the keys before it', async () => {
  const turn = await turnOfTypedKey({ flooded: 'alpha', addressOf: () => ADDRESS });
  assert.ok(turn <= 2 * (FLOOD_CONNECTIONS + 1), String(turn));
});

test('a typed key overtakes a flood from its own address on another project', async () => {
  const turn = await turnOfTypedKey({ flooded: 'beta', addressOf: () => ADDRESS });
  assert.ok(turn <= 2, String(turn));
});

test('a typed key overtakes a flood from many other addresses on its own project', async () => {
  const turn = await turnOfTypedKey({ flooded: 'alpha', addressOf: (loop) => `198.51.100.${loop}` });
  assert.ok(turn <= 3, String(turn));
});

test('a typed key overtakes a flood on projects that do not exist', async () => {
  const turn = await turnOfTypedKey({ flooded: 'none', addressOf: () => ADDRESS });
  assert.ok(turn <= 2, String(turn));
});

test('a client that disconnects removes its key from the queue', async () => {
  const counted = new Counted(PATIENCE_MS / 2);
  await withServer(async (server) => {
    server.keyring.setKey({ kind: 'project', project: 'alpha' }, { hash: quickHash(CHOSEN) });
    await Promise.all(Array.from({ length: FLOOD_CONNECTIONS }, (_, index) => abandon(server, `wrong ${index}`)));
    assert.equal((await server.send('GET', '/api/v1/projects/alpha/keys', { key: CHOSEN })).status, 200);
    assert.ok(counted.keys.length < FLOOD_CONNECTIONS / 2, counted.keys.join());
  }, { derive: counted.derive });
});

test.run();
