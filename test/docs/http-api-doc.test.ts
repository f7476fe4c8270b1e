/** docs/http-api.md against the code: routes, listing parameters, error codes. */
import assert from 'node:assert/strict';
import type { RouteSpec } from '../../src/api/route-spec.js';
import { ROUTES } from '../../src/api/routes.js';
import { CLEAR_PARAMETERS, LISTING_PARAMETERS } from '../../src/api/specs/keys.js';
import { EVENTS_PARAMETERS } from '../../src/api/specs/log.js';
import { ERROR_CODES } from '../../src/base/error-codes.js';
import { PROBLEM_KINDS } from '../../src/api/problems.js';
import { withWorkbench } from '../e2e/server-under-test.js';
import { suite } from '../suite.js';
import { plain, readDocument, section, tableRows } from './documents.js';

const test = suite('http-api-doc');
const document = readDocument('docs/http-api.md');

test('the table of errors has every code, in its order, with its status', () => {
  const rows = tableRows(section(document, 'Errors')).map(([code, status]) => [plain(code), Number(status)]);
  assert.deepEqual(rows, ERROR_CODES.map((code) => [code, PROBLEM_KINDS[code].status]));
});

test('the table of listing parameters has those of the schema', () => {
  const names = Object.keys(LISTING_PARAMETERS);
  assert.deepEqual(tableRows(section(document, 'Listing parameters')).map(([name]) => plain(name)).sort(), names.sort());
});

/** The names in the first cells of a table: several in one row, and some with a value. */
function namesIn(title: string): readonly string[] {
  return tableRows(section(document, title)).flatMap(([names = '']) => plain(names).split(', ').map((name) => name.split('=')[0] ?? ''));
}

test('the tables of the parameters of events and of deletions have those of the schemas', () => {
  assert.deepEqual(namesIn('Deleting many keys').toSorted(), Object.keys(CLEAR_PARAMETERS).sort());
  assert.deepEqual(namesIn('Event parameters').toSorted(), Object.keys(EVENTS_PARAMETERS).sort());
});

interface DocumentedRoute {
  readonly methods: readonly string[];
  readonly target: string;
  readonly key: string;
}

function filled(template: string): string {
  return template.replace('{id}', 'first_project').replace('{key_id}', '0'.repeat(16)).replace('{file}', 'docs.js').replace('{key}', 'a')
    .replace('{place}', 'first_project/keys');
}

function documentedRoutes(): readonly DocumentedRoute[] {
  return tableRows(document).map(([methods, shown, key]) => {
    const target = filled(plain(shown));
    return { methods: plain(methods).split(', '), target: target.startsWith('/projects') ? `/api/v1${target}` : target, key: key ?? '' };
  });
}

test('the table of routes has each route once, with its methods and the API key that it needs', () =>
  withWorkbench(async (bench) => {
    bench.configure([{ id: 'first_project' }]);
    const server = await bench.start();
    const routes = documentedRoutes();
    const shown = routes.flatMap(({ methods, target }) => methods.map((method) => `${method} ${target}`));
    const listed = (ROUTES as readonly RouteSpec[]).flatMap(({ method, aliases = [], path }) => (
      [method, ...aliases].map((name) => `${name} ${filled(path)}`)
    ));
    assert.deepEqual(shown.sort(), listed.sort());
    for (const target of new Set(routes.map((route) => route.target))) {
      const methods = routes.filter((route) => route.target === target).flatMap((route) => route.methods);
      const expected = ['OPTIONS', ...methods, ...(methods.includes('GET') ? ['HEAD'] : [])];
      const allowed = (await server.send('OPTIONS', target)).headers.allow?.split(', ') ?? [];
      assert.deepEqual([...allowed].sort(), expected.sort(), target);
    }
    const projectKey = server.key('first_project');
    for (const { methods, target, key } of routes) {
      for (const method of methods) {
        const { status: bare } = await server.send(method, target);
        assert.equal(bare === 401, key !== '–', `${method} ${target} without an API key: ${bare}`);
        if (key === '–') continue;
        const { status } = await server.send(method, target, { key: projectKey });
        assert.equal(status === 403, key === 'G', `${method} ${target} with the project's API key: ${status}`);
      }
    }
  }));

test.run();
