/** Redis, alone for its memory, and behind webdis for requests over HTTP. On the loopback interface. */
import type { ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, writeFileSync } from 'node:fs';
import { connect } from 'node:net';
import path from 'node:path';
import { startProgram, statusOf, waitFor } from '../child-process.js';
import type { Tool } from '../machine.js';
import { freePort, type RunningServer, runningServer } from '../server-process.js';
import { type Contender, keyOf } from './contender.js';

/** The server alone. */
export const REDIS_TOOL: Tool = { command: 'redis-server', packageName: 'redis-server' };

const WEBDIS_TOOL: Tool = { command: 'webdis', packageName: 'webdis' };
const START_LIMIT_MS = 20_000;
const HTTP_OK = 200;
const BATCH_KEYS = 1000;
const OK_ANSWER = '+OK\r\n';

/** Redis syncs its file before it answers; webdis speaks HTTP and passes on. */
export const WEBDIS: Contender = {
  name: 'Redis behind webdis',
  tools: [REDIS_TOOL, WEBDIS_TOOL],
  start: startWebdis,
  get: (key) => ({ method: 'GET', path: `/GET/${key}` }),
  put: (key, body) => ({ method: 'PUT', path: `/SET/${key}`, body }),
  hasValue: (answer, value) => answer === JSON.stringify({ GET: value }),
};

/**
 * Starts Redis alone. It writes nothing: only its memory is of interest.
 *
 * @param folder For its output
 * @returns The server; its port speaks the protocol of Redis
 */
export async function startRedisInMemory(folder: string): Promise<RunningServer> {
  const { child, port } = await startRedis(folder, ['--appendonly', 'no']);
  return runningServer('Redis', child, port);
}

/**
 * Stores many keys in Redis, many in one message.
 *
 * @param port Where Redis listens
 * @param count How many keys, as `keyOf` names them
 * @param value The value of each
 * @throws {Error} When Redis refuses one
 */
export async function fillRedis(port: number, count: number, value: string): Promise<void> {
  const socket = connect(port, '127.0.0.1').setEncoding('latin1');
  await once(socket, 'connect');
  for (let first = 0; first < count; first += BATCH_KEYS) {
    const size = Math.min(BATCH_KEYS, count - first);
    socket.write(Array.from({ length: size }, (_, index) => encodeCommand(['SET', keyOf(first + index), value])).join(''));
    let answers = '';
    while (answers.length < size * OK_ANSWER.length) answers += String((await once(socket, 'data'))[0]);
    if (answers !== OK_ANSWER.repeat(size)) throw new Error(`Cannot fill Redis: ${answers.slice(0, BATCH_KEYS)}`);
  }
  socket.destroy();
}

async function startWebdis(folder: string): Promise<RunningServer> {
  const redis = await startRedis(folder, ['--appendonly', 'yes', '--appendfsync', 'always']);
  const port = await freePort();
  const output = path.join(folder, 'webdis.output');
  const config = path.join(folder, 'webdis.json');
  writeFileSync(config, JSON.stringify({
    redis_host: '127.0.0.1', redis_port: redis.port, redis_auth: null, http_host: '127.0.0.1', http_port: port, threads: 1,
    daemonize: false, database: 0, acl: [], verbosity: 1, logfile: path.join(folder, 'webdis.log'),
  }));
  const child = startProgram({ command: WEBDIS_TOOL.command, args: [config], output });
  const look = async (): Promise<string | undefined> => ((await statusOf(port, '/PING')) === HTTP_OK ? 'ready' : undefined);
  await waitFor(child, { output, limitMs: START_LIMIT_MS, look });
  return runningServer('Redis behind webdis', child, port, [redis.child]);
}

async function startRedis(folder: string, options: readonly string[]): Promise<{ readonly child: ChildProcess; readonly port: number }> {
  mkdirSync(folder, { recursive: true });
  const port = await freePort();
  const output = path.join(folder, 'redis.output');
  const args = ['--port', String(port), '--bind', '127.0.0.1', '--dir', folder, '--save', '', '--daemonize', 'no', ...options];
  const child = startProgram({ command: REDIS_TOOL.command, args, output });
  await waitFor(child, { output, limitMs: START_LIMIT_MS, look: () => connected(port) });
  return { child, port };
}

async function connected(port: number): Promise<string> {
  const socket = connect(port, '127.0.0.1');
  try {
    await once(socket, 'connect');
    return 'ready';
  } finally {
    socket.destroy();
  }
}

function encodeCommand(words: readonly string[]): string {
  return `*${words.length}\r\n${words.map((word) => `$${Buffer.byteLength(word)}\r\n${word}\r\n`).join('')}`;
}
