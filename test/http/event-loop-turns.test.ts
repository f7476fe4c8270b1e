import assert from 'node:assert/strict';
import { connect } from 'node:net';
import { setImmediate as nextTurn } from 'node:timers/promises';
import { EventLoopTurns } from '../../src/http/event-loop-turns.js';
import { suite } from '../suite.js';
import { withServer } from './test-server.js';

const test = suite('event-loop-turns');

/** Turns of the event loop that a test observes. */
const WATCHED_TURNS = 200;
/** Concurrent listings, each on a connection of its own. */
const LISTINGS = 300;
/** A value that fills a piece of a listing. */
const LONG_VALUE = JSON.stringify('x'.repeat(140_000));

test('each piece has a turn of its own, in order', async () => {
  const turns = new EventLoopTurns();
  let turn = 0;
  const had: [piece: number, turn: number][] = [];
  const asked = Array.from({ length: 5 }, async (_, piece) => {
    await turns.next();
    had.push([piece, turn]);
  });
  for (; had.length < asked.length && turn < WATCHED_TURNS; turn += 1) await nextTurn();
  assert.deepEqual(had.map(([piece]) => piece), [0, 1, 2, 3, 4]);
  assert.equal(new Set(had.map(([, its]) => its)).size, 5);
});

test('a piece steps back while connections arrive, but not indefinitely', async () => {
  const turns = new EventLoopTurns();
  let turn = 0;
  let hadAt = 0;
  const had = turns.next().then(() => void (hadAt = turn));
  for (; hadAt === 0 && turn < WATCHED_TURNS; turn += 1) {
    turns.noteConnection();
    await nextTurn();
  }
  await had;
  assert.ok(hadAt > 4 && hadAt < 16, `the piece was made in turn ${hadAt}`);
  await turns.next();
});

test('a connection behind three hundred listings does not wait for the pieces of all of them', () =>
  withServer(async (server) => {
    const { values } = server.projects.fakeStore('alpha');
    for (const key of ['a', 'b', 'c']) values.entries.set(key, { value: LONG_VALUE, seq: 2, tag: 0, timeMs: 0, expiresAtMs: null });
    let pieces = 0;
    values.onPiece = () => void (pieces += 1);
    const request = `GET /api/v1/projects/alpha/keys HTTP/1.1\r\nHost: localhost\r\nX-API-Key: ${server.alphaKey}\r\n\r\n`;
    const sockets = Array.from({ length: LISTINGS }, () => {
      const socket = connect({ port: server.port, host: '127.0.0.1' }).pause();
      socket.write(request);
      return socket;
    });
    try {
      assert.equal((await server.send('GET', '/livez')).status, 200);
      assert.ok(pieces < LISTINGS / 3, `${pieces} pieces were made before a request that costs nothing was answered`);
    } finally {
      for (const socket of sockets) socket.destroy();
    }
  }));

test.run();
