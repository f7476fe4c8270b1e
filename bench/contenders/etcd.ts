/** etcd through its JSON gateway, as one member that syncs each write, on the loopback interface. */
import { mkdirSync } from 'node:fs';
import path from 'node:path';
import { startProgram, statusOf, waitFor } from '../child-process.js';
import type { Tool } from '../machine.js';
import { freePort, type RunningServer, runningServer } from '../server-process.js';
import type { Contender } from './contender.js';

const TOOL: Tool = { command: 'etcd', packageName: 'etcd-server' };
const START_LIMIT_MS = 30_000;
const HTTP_OK = 200;

/** Keys and values are base64, in bodies of JSON. */
export const ETCD: Contender = {
  name: 'etcd',
  tools: [TOOL],
  start: startEtcd,
  get: (key) => ({ method: 'POST', path: '/v3/kv/range', body: JSON.stringify({ key: base64(key) }) }),
  put: (key, value) => ({ method: 'POST', path: '/v3/kv/put', body: JSON.stringify({ key: base64(key), value: base64(value) }) }),
  hasValue: (answer, value) => answer.includes(`"value":"${base64(value)}"`),
};

async function startEtcd(folder: string): Promise<RunningServer> {
  mkdirSync(folder, { recursive: true });
  const port = await freePort();
  const client = `http://127.0.0.1:${port}`;
  const peer = `http://127.0.0.1:${await freePort()}`;
  const output = path.join(folder, 'output.log');
  const args = [
    '--name', 'bench', '--data-dir', path.join(folder, 'data'), '--listen-client-urls', client, '--advertise-client-urls', client,
    '--listen-peer-urls', peer, '--initial-advertise-peer-urls', peer, '--initial-cluster', `bench=${peer}`, '--log-level', 'warn',
  ];
  const child = startProgram({ command: TOOL.command, args, output });
  const look = async (): Promise<string | undefined> => ((await statusOf(port, '/health')) === HTTP_OK ? 'ready' : undefined);
  await waitFor(child, { output, limitMs: START_LIMIT_MS, look });
  return runningServer('etcd', child, port);
}

function base64(text: string): string {
  return Buffer.from(text).toString('base64');
}
