/** The answers that every route gives to a request of which something is wrong before its handler is called. */
import assert from 'node:assert/strict';
import type { RouteSpec } from '../../src/api/route-spec.js';
import { ROUTES } from '../../src/api/routes.js';
import { exchange, statusOf } from '../http/raw-client.js';
import { type TestServer, type TestServerOptions, withServer } from '../http/test-server.js';
import { suite } from '../suite.js';

const test = suite('every-answer');

interface WrongRequest {
  readonly status: number;
  readonly version?: string;
  readonly query?: string;
  readonly headers?: readonly string[];
  readonly host?: string;
  readonly options?: TestServerOptions;
  /** Prepares the server. */
  readonly prepare?: (server: TestServer) => void;
  /** How often it is sent: only the last answer has the status. */
  readonly times?: number;
  /** The routes that answer so; left out: all. */
  readonly isOf?: (spec: RouteSpec) => boolean;
}

const SPECS: readonly RouteSpec[] = ROUTES;
const isProbe = ({ path }: RouteSpec): boolean => path === '/livez' || path === '/readyz';

const WRONG: Readonly<Record<string, WrongRequest>> = {
  'an unknown parameter': { status: 400, query: '?unknown=1' },
  'an unknown expectation': { status: 417, headers: ['Expect: miracle'] },
  'a foreign Host while a scope is open': {
    status: 421, host: 'evil.example', prepare: ({ projects }) => void projects.add('open', { authentication: { enabled: false } }),
  },
  'too many unknown API keys': {
    status: 429, headers: ['X-API-Key: wrong'], options: { failuresPerMinute: 1 }, times: 3, isOf: ({ action }) => action !== null,
  },
  'too many headers': { status: 431, headers: Array.from({ length: 101 }, (_, index) => `X-${index}: 1`) },
  'a startup in progress': {
    status: 503, prepare: (server) => void (server.state = 'starting'), isOf: (spec) => !isProbe(spec),
  },
  'an HTTP version that is not supported': { status: 505, version: '2.0' },
};

for (const [what, wrong] of Object.entries(WRONG)) {
  test(`${what} is answered ${wrong.status} on every route`, () =>
    withServer(async (server) => {
      const { headers = [], host = '127.0.0.1', isOf = () => true, prepare, query = '', status, times = 1, version = '1.1' } = wrong;
      prepare?.(server);
      for (const spec of SPECS.filter(isOf)) {
        const target = spec.path.replace('{id}', 'alpha').replace('{key}', 'k').replace('{file}', 'docs.js')
          .replace('{place}', 'alpha/keys');
        const isAnonymous = spec.action === null || headers.some((header) => header.startsWith('X-API-Key'));
        const credentials = isAnonymous ? [] : [`X-API-Key: ${server.globalKey}`];
        const first = `${spec.method} ${target}${query} HTTP/${version}`;
        const lines = [first, `Host: ${host}`, 'Connection: close', ...credentials, ...headers];
        let last = 0;
        for (let time = 0; time < times; time += 1) last = statusOf((await exchange(server.port, `${lines.join('\r\n')}\r\n\r\n`)).text);
        assert.equal(last, status, `${spec.method} ${target}`);
      }
    }, wrong.options ?? {}));
}

test.run();
