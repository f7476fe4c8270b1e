/** A server with one project for the tests of commands, and the commands run against it. */
import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { type ServerUnderTest, type Workbench, withWorkbench } from '../../e2e/server-under-test.js';
import { ended, type Ran, type RunOptions, start } from '../program.js';

/** What a test works with. */
export interface ServedShop {
  readonly bench: Workbench;
  readonly server: ServerUnderTest;
  /** Runs a command whose server is named by the environment, with the API key of the project. */
  readonly shop: (...args: readonly string[]) => Promise<Ran>;
  /** The same, with the global API key. */
  readonly global: (...args: readonly string[]) => Promise<Ran>;
  /** The variables that name server, project and API key. */
  readonly env: Readonly<Record<string, string>>;
}

/** Runs a command to its end, with something on standard input. */
export async function runFed(bench: Workbench, args: readonly string[], input: string, options: RunOptions = {}): Promise<Ran> {
  const child = start(bench, args, { ...options, stdio: ['pipe', 'pipe', 'pipe'] });
  // A command that reads nothing may end first.
  child.stdin?.on('error', () => undefined);
  child.stdin?.end(input);
  return await ended(child);
}

/** Runs a test beside a server with the project `shop`. */
export async function withServedShop(body: (served: ServedShop) => Promise<void>, settings: object = {}): Promise<void> {
  await withWorkbench(async (bench) => {
    bench.configure([{ id: 'shop', ...settings }]);
    const server = await bench.start();
    const env = { SIMPLEKV_URL: server.url, SIMPLEKV_PROJECT: 'shop', SIMPLEKV_KEY: server.key('shop') };
    const runner = (variables: Readonly<Record<string, string>>) => async (...args: readonly string[]): Promise<Ran> => (
      await ended(start(bench, args, { env: variables }))
    );
    await body({ bench, server, env, shop: runner(env), global: runner({ ...env, SIMPLEKV_KEY: server.key('global') }) });
  });
}

/** A server that answers every request with one problem. */
export interface RefusingServer {
  readonly url: string;
  /** Methods and targets so far. */
  readonly requests: readonly string[];
}

/** Starts a server that answers every request in one way; it ends with the test. */
export async function refusingServer(bench: Workbench, status: number, code: string): Promise<RefusingServer> {
  const requests: string[] = [];
  const server = createServer((request, response) => {
    requests.push(`${request.method ?? ''} ${request.url ?? ''}`);
    request.resume().on('end', () => {
      response.writeHead(status, { 'Content-Type': 'application/problem+json' });
      const problem = { type: `urn:simplekv:problem:${code}`, title: code, status, detail: `This is ${code}`, code, request_id: 'r' };
      response.end(JSON.stringify(problem));
    });
  });
  await once(server.listen(0, '127.0.0.1'), 'listening');
  bench.defer(() => {
    server.closeAllConnections();
    server.close();
  });
  return { url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`, requests };
}
