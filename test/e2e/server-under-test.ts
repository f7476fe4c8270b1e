/**
 * The built program as a child process: started on a free port in a folder of its own, asked over real HTTP, killed, started
 * again. Whatever a test starts here is gone when it is over, also when it failed.
 */
import { spawn, type ChildProcessWithoutNullStreams } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { Agent, request as httpRequest, type IncomingHttpHeaders } from 'node:http';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { checkAnswer, UndocumentedAnswer } from '../api/check-answer.js';
import { MAIN } from '../program-file.js';

const POLL_MS = 10;
/** Between two attempts to connect to a server that starts: each costs about as much as a request. */
const CONNECT_POLL_MS = 40;
/** Longest wait for anything that the program is to do. Only a test that fails waits that long. */
const WAIT_LIMIT_MS = 90_000;
/** How long an idle connection is reused: less than the server keeps it open, or a request could meet the end of its connection. */
const REUSE_LIMIT_MS = 2000;

/** Children that live, for the end of a test process that was cut short. */
const living = new Set<ChildProcessWithoutNullStreams>();
process.on('exit', () => {
  for (const child of living) child.kill('SIGKILL');
});

/** Waits until a check returns something. */
export async function until<T>(what: string, look: () => T | undefined | Promise<T | undefined>, pollMs = POLL_MS): Promise<T> {
  const deadlineMs = Date.now() + WAIT_LIMIT_MS;
  for (;;) {
    const found = await look();
    if (found !== undefined) return found;
    if (Date.now() > deadlineMs) throw new Error(`Waited in vain for ${what}`);
    await sleep(pollMs);
  }
}

/** What is sent. */
export interface Sent {
  /** API key; null or left out: none. */
  readonly key?: string | null;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: string | Buffer;
}

/** What came back. */
export interface Answer {
  readonly status: number;
  readonly headers: IncomingHttpHeaders;
  readonly bytes: Buffer;
  readonly text: string;
}

/** One line of the server log. */
export type LoggedLine = Readonly<Record<string, unknown>>;

/** How a process ended. */
export interface Ending {
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
}

/** How the program is started. */
export interface StartOptions {
  /** Added to the environment. */
  readonly env?: Readonly<Record<string, string>>;
  /** What stands before `node`, such as `prlimit`. */
  readonly front?: readonly string[];
  /** Further words of the command. */
  readonly args?: readonly string[];
  /** Its configuration. @default that of the bench */
  readonly config?: string;
}

/** A process of the program. */
export class ServerUnderTest {
  readonly process: ChildProcessWithoutNullStreams;
  readonly ended: Promise<Ending>;
  /** Where it listens. */
  url = '';
  #stdout = '';
  #stderr = '';
  readonly #lines: LoggedLine[] = [];
  #parsedTo = 0;
  readonly #agent = new Agent({ keepAlive: true, timeout: REUSE_LIMIT_MS });

  /** Spawns the program; it is not waited for. */
  constructor(configPath: string, { env = {}, front = [], args: added = [] }: StartOptions = {}) {
    const [command, ...args] = [...front, process.execPath, MAIN, 'serve', '--config', configPath, ...added];
    // Empty instead of absent, since Node passes its own value on where the variable is absent: a killed process leaves half a report.
    const environment = { ...process.env, NODE_V8_COVERAGE: '', ...env };
    this.process = spawn(command ?? '', args, { cwd: path.dirname(configPath), env: environment });
    living.add(this.process);
    this.process.stdout.setEncoding('utf8').on('data', (text: string) => void (this.#stdout += text));
    this.process.stderr.setEncoding('utf8').on('data', (text: string) => void (this.#stderr += text));
    this.ended = new Promise((resolve) => {
      this.process.on('close', (code, signal) => {
        living.delete(this.process);
        this.#agent.destroy();
        resolve({ code, signal });
      });
    });
  }

  /** Everything on standard output. */
  get stdout(): string {
    return this.#stdout;
  }

  /** Everything on standard error. */
  get stderr(): string {
    return this.#stderr;
  }

  /** The port. */
  get port(): number {
    return Number(new URL(this.url).port);
  }

  /** The lines of the log; each has to be a JSON object. Parsed once each, since tests poll for a line among thousands. */
  get lines(): readonly LoggedLine[] {
    const end = this.#stdout.lastIndexOf('\n') + 1;
    const added = this.#stdout.slice(this.#parsedTo, end).split('\n');
    this.#lines.push(...added.filter((line) => line !== '').map((line) => JSON.parse(line) as LoggedLine));
    this.#parsedTo = end;
    return [...this.#lines];
  }

  /** Waits for a line of the log. */
  async line(what: string, isIt: (line: LoggedLine) => boolean): Promise<LoggedLine> {
    return await until(`the line "${what}" in\n${this.#stdout.slice(-2000)}`, () => this.lines.find(isIt));
  }

  /** Waits until it answers that it is ready. Where no address was set, its log says where it listens. */
  async ready(): Promise<this> {
    await until('a server that is ready', async () => {
      if (this.process.exitCode !== null || this.process.signalCode !== null) throw new Error(`It ended: ${this.#stderr}${this.#stdout}`);
      if (this.url === '') this.url = String(this.lines.find(({ msg }) => msg === 'serving')?.['url'] ?? '');
      if (this.url === '') return undefined;
      // Until it listens, connecting fails.
      const answer = await this.send('GET', '/readyz').catch((error: unknown) => {
        if (error instanceof UndocumentedAnswer) throw error;
      });
      return answer?.status === 200 ? true : undefined;
    }, CONNECT_POLL_MS);
    return this;
  }

  /** Keys on standard error, by project; the global one under `global`. */
  get keys(): ReadonlyMap<string, string> {
    const keys = new Map<string, string>();
    for (const [, project, key] of this.#stderr.matchAll(/the API key of the project "([^"]+)" was generated\.[^\n]*\n\n +(skv_\w+)\n/g)) {
      keys.set(project ?? '', key ?? '');
    }
    const global = /the global API key was generated\.[^\n]*\n\n +(skv_\w+)\n/.exec(this.#stderr)
      ?? /global API key +(skv_\w+)\n/.exec(this.#stderr);
    if (global !== null) keys.set('global', global[1] ?? '');
    const first = /API key of "(\w+)" +(skv_\w+)\n/.exec(this.#stderr);
    if (first !== null) keys.set(first[1] ?? '', first[2] ?? '');
    return keys;
  }

  /** The key that was printed for a project, or under `global`. */
  key(scope: string): string {
    const key = this.keys.get(scope);
    if (key === undefined) throw new Error(`No key of "${scope}" was printed:\n${this.#stderr}`);
    return key;
  }

  /** Sends a request on a kept connection. Rejects when there is no answer. */
  send(method: string, target: string, { key = null, headers = {}, body }: Sent = {}): Promise<Answer> {
    const { hostname, port } = new URL(this.url);
    const length = body === undefined || 'Transfer-Encoding' in headers ? {} : { 'Content-Length': String(Buffer.byteLength(body)) };
    const type = body === undefined ? {} : { 'Content-Type': 'application/json' };
    const sent = { ...(key === null ? {} : { Authorization: `Bearer ${key}` }), ...type, ...length, ...headers };
    return new Promise((resolve, reject) => {
      // The target goes as `path`, not through a URL, which would resolve "..".
      const request = httpRequest({ hostname, port, method, path: target, headers: sent, agent: this.#agent });
      request.on('error', reject);
      request.on('response', (response) => {
        const pieces: Buffer[] = [];
        response.on('data', (piece: Buffer) => void pieces.push(piece));
        response.on('error', reject);
        response.on('aborted', () => reject(new Error('The answer was cut off')));
        response.on('end', () => {
          const bytes = Buffer.concat(pieces);
          const answer = { status: response.statusCode ?? 0, headers: response.headers, bytes, text: bytes.toString('utf8') };
          try {
            checkAnswer(method, target, answer);
            resolve(answer);
          } catch (error) {
            reject(error);
          }
        });
      });
      request.end(body);
    });
  }

  /** Ends it without a chance to do anything. */
  async kill(): Promise<void> {
    this.process.kill('SIGKILL');
    await this.ended;
  }

  /** Asks it to stop. */
  async stop(): Promise<Ending> {
    this.process.kill('SIGTERM');
    return await this.ended;
  }
}

/** A folder for one test, with a configuration and everything that is started in it. */
export class Workbench {
  readonly folder = mkdtempSync(path.join(tmpdir(), 'simplekv-e2e-'));
  readonly #cleanups: (() => unknown)[] = [];

  /** Path of the configuration. */
  get configPath(): string {
    return path.join(this.folder, 'config.json');
  }

  /** A path inside. */
  path(...names: readonly string[]): string {
    return path.join(this.folder, ...names);
  }

  /** Writes a configuration with a free port and the given projects. */
  configure(projects: readonly object[], settings: object = {}): void {
    const document = { version: 1, server_port: 0, default: { storage: { persistent_file_path: 'data/' } }, projects, ...settings };
    writeFileSync(this.configPath, JSON.stringify(document), { mode: 0o600 });
  }

  /** Reads the configuration as it stands now. */
  document(): Record<string, unknown> {
    return JSON.parse(readFileSync(this.configPath, 'utf8')) as Record<string, unknown>;
  }

  /** Spawns the program, and does not wait for it. */
  spawn(options: StartOptions = {}): ServerUnderTest {
    const server = new ServerUnderTest(options.config ?? this.configPath, options);
    this.defer(() => server.kill());
    return server;
  }

  /** Starts the program and waits until it is ready. */
  async start(options: StartOptions = {}): Promise<ServerUnderTest> {
    return await this.spawn(options).ready();
  }

  /** Has something done at the end, last things first. */
  defer(cleanup: () => unknown): void {
    this.#cleanups.push(cleanup);
  }

  /** Undoes everything. */
  async clear(): Promise<void> {
    for (const cleanup of this.#cleanups.toReversed()) await cleanup();
    rmSync(this.folder, { recursive: true, force: true });
  }
}

/** Runs a test with a folder of its own. */
export async function withWorkbench(body: (bench: Workbench) => Promise<void>): Promise<void> {
  const bench = new Workbench();
  try {
    await body(bench);
  } finally {
    await bench.clear();
  }
}

/** Runs a command to its end. */
export async function runCommand(command: string, args: readonly string[]): Promise<Ending & { readonly output: string }> {
  const child = spawn(command, args, { stdio: ['ignore', 'pipe', 'pipe'] });
  let output = '';
  for (const stream of [child.stdout, child.stderr]) stream.setEncoding('utf8').on('data', (text: string) => void (output += text));
  // A command that is not there ends with an error instead.
  child.on('error', (error) => void (output += error.message));
  const [code, signal] = (await once(child, 'close')) as [number | null, NodeJS.Signals | null];
  return { code, signal, output };
}

/** A problem document, checked to be one. */
export function problemOf(answer: Answer): LoggedLine {
  if (answer.headers['content-type'] !== 'application/problem+json')
    throw new Error(`No problem document: ${answer.status} ${answer.text}`);
  return JSON.parse(answer.text) as LoggedLine;
}
