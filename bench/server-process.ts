/** Starts the two servers that are compared, each in a process and a folder of its own, and stops them again. */
import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { closeSync, mkdirSync, openSync, readFileSync, writeFileSync } from 'node:fs';
import { createServer, type AddressInfo } from 'node:net';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';

/** Where the keys of the compared servers are: the same path on both. */
export const KEYS_PATH = '/api/v1/projects/bench/keys/';

const START_LIMIT_MS = 20_000;
const STOP_LIMIT_MS = 180_000;
const POLL_MS = 50;

/** A server that answers. */
export interface RunningServer {
  /** Its column in the table. */
  readonly name: string;
  /** `http://127.0.0.1:PORT` */
  readonly url: string;
  /** Headers that every request needs. */
  readonly headers: Readonly<Record<string, string>>;
  /** Its process. */
  readonly pid: number;
  /** Ends it, at first politely. */
  stop(): Promise<void>;
  /** Ends it at once, as a crash does. */
  kill(): Promise<void>;
}

/**
 * Starts the bare server.
 *
 * @param folder Where its file goes
 * @returns The server, listening
 */
export async function startBareServer(folder: string): Promise<RunningServer> {
  mkdirSync(folder, { recursive: true });
  const output = path.join(folder, 'output.log');
  const script = fileURLToPath(new URL('./bare-server.js', import.meta.url));
  const child = spawnInto(output, [script, path.join(folder, 'values.jsonl'), KEYS_PATH]);
  const findPort = (): Promise<string | undefined> => Promise.resolve(/^(\d+)\n/.exec(readFileSync(output, 'utf8'))?.[1]);
  const port = await poll(child, { output, limitMs: START_LIMIT_MS }, findPort);
  return running('bare node:http', child, { port: Number(port), headers: {} });
}

/**
 * Starts SimpleKV from its built command line, with the defaults of its configuration, API keys included.
 *
 * @param folder Where its configuration, its data and its output go
 * @param chosenGlobalKey A global key as a person chooses one, so that unknown keys cost a derivation; none by default
 * @returns The server, ready
 */
export async function startSimpleKv(folder: string, chosenGlobalKey: string | null = null): Promise<RunningServer> {
  mkdirSync(folder, { recursive: true });
  const config = path.join(folder, 'config.json');
  const port = await freePort();
  // No key and no hash: the server makes the keys, and prints each once.
  const authentication = { enabled: true, save_api_key_to_file: false, api_key: null, api_key_hash: null };
  writeFileSync(config, JSON.stringify({
    version: 1,
    server_port: port,
    default: { storage: { persistent_file_path: 'data/' }, authentication: { ...authentication, api_key: chosenGlobalKey } },
    projects: [{ id: 'bench', storage: { on_disk: true, cache_in_memory: true }, authentication }],
  }), { mode: 0o600 });
  const server = await startConfigured(config, port);
  const output = readFileSync(outputOf(config), 'utf8');
  // The global key is printed first, the project's after it.
  const key = output.match(/skv_[0-9A-Za-z_]+/g)?.at(-1);
  if (key === undefined) throw new Error(`Cannot measure SimpleKV: it printed no key\n${output}`);
  return { ...server, headers: { 'authorization': `Bearer ${key}` } };
}

/**
 * Starts SimpleKV from its built command line on a configuration that is there already.
 *
 * @param configPath The configuration
 * @param port Where it says that the server listens
 * @param limitMs How long a start may take, in milliseconds
 * @returns The server, ready
 */
export async function startConfigured(configPath: string, port: number, limitMs = START_LIMIT_MS): Promise<RunningServer> {
  const output = outputOf(configPath);
  const main = fileURLToPath(new URL('../bin/simplekv.js', import.meta.url));
  const child = spawnInto(output, [main, 'serve', '--config', configPath]);
  const isReady = async (): Promise<boolean> => (await fetch(`http://127.0.0.1:${port}/readyz`)).ok;
  await poll(child, { output, limitMs }, async () => ((await isReady()) ? 'ready' : undefined));
  return running('SimpleKV', child, { port, headers: {} });
}

function outputOf(configPath: string): string {
  return `${configPath}.output`;
}

/** Output goes to a file: read through a pipe, it would cost the measuring process time. */
function spawnInto(output: string, args: readonly string[]): ChildProcess {
  const descriptor = openSync(output, 'w');
  const child = spawn(process.execPath, args, { stdio: ['ignore', descriptor, descriptor] });
  closeSync(descriptor);
  // Before the folder is removed, which the caller does at exit too.
  process.prependOnceListener('exit', () => child.kill('SIGKILL'));
  return child;
}

function running(name: string, child: ChildProcess, at: { port: number; headers: Record<string, string> }): RunningServer {
  if (child.pid === undefined) throw new Error(`Cannot measure ${name}: it has no process`);
  const url = `http://127.0.0.1:${at.port}`;
  return { name, url, headers: at.headers, pid: child.pid, stop: () => stop(child), kill: () => kill(child) };
}

async function stop(child: ChildProcess): Promise<void> {
  if (hasEnded(child)) return;
  const ended = once(child, 'exit');
  child.kill('SIGTERM');
  const timer = setTimeout(() => child.kill('SIGKILL'), STOP_LIMIT_MS);
  await ended;
  clearTimeout(timer);
}

async function kill(child: ChildProcess): Promise<void> {
  if (hasEnded(child)) return;
  const ended = once(child, 'exit');
  child.kill('SIGKILL');
  await ended;
}

interface Watched {
  readonly output: string;
  readonly limitMs: number;
}

type Look = () => Promise<string | undefined>;

async function poll(child: ChildProcess, { output, limitMs }: Watched, look: Look): Promise<string> {
  const deadlineMs = Date.now() + limitMs;
  while (Date.now() < deadlineMs && !hasEnded(child)) {
    // Until it listens, connecting fails.
    const found = await look().catch(() => undefined);
    if (found !== undefined) return found;
    await sleep(POLL_MS);
  }
  child.kill('SIGKILL');
  throw new Error(`Cannot measure: a server did not start\n${readFileSync(output, 'utf8')}`);
}

function hasEnded(child: ChildProcess): boolean {
  return child.exitCode !== null || child.signalCode !== null;
}

/**
 * Finds a free port.
 *
 * @returns The port
 */
export async function freePort(): Promise<number> {
  const probe = createServer().listen(0, '127.0.0.1');
  await once(probe, 'listening');
  const { port } = probe.address() as AddressInfo;
  probe.close();
  await once(probe, 'close');
  return port;
}
