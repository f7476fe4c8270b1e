/** Servers with redirected standard output and standard error. */
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { closeSync, constants, openSync, readSync, writeSync } from 'node:fs';
import { createServer } from 'node:net';
import { type ServerUnderTest, type StartOptions, type Workbench } from '../e2e/server-under-test.js';

/** More lines than a pipe of 64 KiB takes. */
export const REQUESTS = 320;
const CLIENTS = 8;
/** What a stop may take: far below the limit of a stop, with some room for a machine that runs many tests at once. */
export const STOP_LIMIT_MS = 8000;
const READ_BYTES = 65_536;
/** What a pipe takes whole or not at all. */
const PAGE_BYTES = 4096;
export const TEST_TIMEOUT_MS = 120_000;

/** `bash` puts the streams where a test wants them, and becomes the server. */
export function redirected(redirection: string): StartOptions {
  return { front: ['bash', '-c', `exec "$@" ${redirection}`, 'bash'] };
}

/** A port that was free a moment ago, for a server whose log cannot say where it listens. */
export async function freePort(): Promise<number> {
  const probe = createServer();
  await new Promise<void>((resolve) => probe.listen(0, '127.0.0.1', resolve));
  const address = probe.address();
  assert.ok(typeof address === 'object' && address !== null);
  await new Promise((resolve) => probe.close(resolve));
  return address.port;
}

/** Starts a server whose log may not reach the test, with an open project `p`. */
export async function startUnheard(bench: Workbench, options: StartOptions, project: object = {}): Promise<ServerUnderTest> {
  const port = await freePort();
  const open = { authentication: { enabled: false } };
  bench.configure([{ id: 'p', ...open, ...project }], {
    server_port: port, default: { storage: { persistent_file_path: 'files/' }, ...open },
  });
  const server = bench.spawn(options);
  server.url = `http://127.0.0.1:${port}`;
  return await server.ready();
}

/** Writes one key. */
export async function put(server: ServerUnderTest, name: string): Promise<void> {
  const { status } = await server.send('PUT', `/api/v1/projects/p/keys/${name}`, { body: '1' });
  assert.ok(status === 200 || status === 201, `${name}: ${status}`);
}

/** Writes keys from several clients at once. */
export async function putMany(server: ServerUnderTest, prefix: string, count = REQUESTS): Promise<void> {
  const putShare = async (client: number): Promise<void> => {
    for (let index = client; index < count; index += CLIENTS) await put(server, `${prefix}-${index}`);
  };
  await Promise.all(Array.from({ length: CLIENTS }, (_, client) => putShare(client)));
}

/** The server has done its work, ends with 0 in time, and a next one has all of it. */
export async function assertUnharmed(bench: Workbench, server: ServerUnderTest, keyCount: number): Promise<void> {
  assert.equal((await server.send('GET', '/livez')).status, 200);
  const startMs = Date.now();
  assert.deepEqual(await server.stop(), { code: 0, signal: null });
  assert.ok(Date.now() - startMs < STOP_LIMIT_MS, `the stop took ${Date.now() - startMs} ms`);
  const next = bench.spawn();
  next.url = server.url;
  await next.ready();
  const stored = JSON.parse((await next.send('GET', '/api/v1/projects/p/keys?values=false')).text) as string[];
  assert.equal(stored.length, keyCount);
}

/** What readiness says of the server log. */
export async function serverLogCheck(server: ServerUnderTest): Promise<{ readonly ok: boolean; readonly detail: string }> {
  const { text } = await server.send('GET', '/readyz?verbose');
  const { checks } = JSON.parse(text) as { checks: { name: string; ok: boolean; detail: string }[] };
  const check = checks.find(({ name }) => name === 'server_log');
  assert.ok(check !== undefined, text);
  return check;
}

/** A named pipe whose reading end the test holds. */
export class Pipe {
  readonly path: string;
  #descriptor: number;

  constructor(bench: Workbench, name: string) {
    this.path = bench.path(name);
    assert.equal(spawnSync('mkfifo', [this.path]).status, 0);
    this.#descriptor = this.#open();
    bench.defer(() => this.close());
  }

  #open(): number {
    return openSync(this.path, constants.O_RDONLY | constants.O_NONBLOCK);
  }

  /** Everything that is in it now. */
  read(): string {
    const pieces: Buffer[] = [];
    for (;;) {
      const piece = Buffer.alloc(READ_BYTES);
      try {
        const count = readSync(this.#descriptor, piece);
        if (count === 0) break;
        pieces.push(piece.subarray(0, count));
      } catch (error) {
        assert.equal((error as NodeJS.ErrnoException).code, 'EAGAIN');
        break;
      }
    }
    return Buffer.concat(pieces).toString('utf8');
  }

  /** Stops to read for good. */
  close(): void {
    if (this.#descriptor >= 0) closeSync(this.#descriptor);
    this.#descriptor = -1;
  }

  /** Leaves no room in it for anything else. */
  fill(): void {
    const writer = openSync(this.path, constants.O_WRONLY | constants.O_NONBLOCK);
    assert.throws(() => {
      for (;;) writeSync(writer, Buffer.alloc(PAGE_BYTES));
    }, { code: 'EAGAIN' });
    closeSync(writer);
  }

  /** Begins to read again. */
  reopen(): void {
    this.#descriptor = this.#open();
  }
}
