/** The rooms of src and who may know whom. The table is the architecture; a new edge is a decision to be made here. */
import assert from 'node:assert/strict';
import { stopCoverage } from 'node:v8';
import { suite } from './suite.js';
import {
  importCycles, importEdges, insideOffences, roomOffences, tableCycles, type RoomTable,
} from './tidy/import-graph.js';
import { assertNone, projectRoot, readProject, type SourceText } from './tidy/source-tree.js';

// Reads source and runs none of it; measuring the compiler would only take time.
stopCoverage();

const ROOMS: RoomTable = {
  'base': [],
  'api': ['base'],
  'events': ['base', 'api'],
  'auth': ['base', 'api'],
  'config': ['base', 'api', 'auth', 'events'],
  'disk': ['base'],
  'metrics': ['base', 'api'],
  'log': ['base', 'disk'],
  'projections': ['base', 'api', 'disk', 'events'],
  'store': ['base', 'events', 'projections', 'log/log.ts', 'log/event-lines.ts'],
  'projects': ['base', 'events', 'auth', 'config', 'log/log.ts', 'log/log-home.ts', 'log/fixed-log.ts', 'projections', 'store'],
  'http': ['base', 'api', 'events', 'auth', 'store', 'projects'],
  'client': ['base/error-codes.ts', 'base/json-ranges.ts', 'api'],
  'offline': ['base', 'disk', 'events', 'log', 'projections'],
  'cli': ['base', 'api', 'client', 'config', 'disk', 'offline', 'server.ts'],
  'server': ['base', 'auth', 'config', 'metrics', 'store', 'projects', 'http'],
  'server.ts': ['base', 'disk', 'auth', 'config', 'log', 'metrics', 'projections', 'store', 'projects', 'http', 'offline', 'server'],
};

/** The client, and a function of a text: the engines of browsers do not say where JSON is at fault, or each in other words. */
const WEB_MAY_IMPORT: ReadonlySet<string> = new Set(['src/client/index.ts', 'src/base/json-fault.ts']);

const test = suite('architecture');
const sources = readProject(projectRoot()).filter((file) => file.path.startsWith('src/'));

/** A few files of src, by path from its top. */
function sample(files: Record<string, string>): SourceText[] {
  return Object.entries(files).map(([path, text]) => ({ path: `src/${path}`, text }));
}

test('rooms import only what the table allows', () => {
  assertNone(roomOffences(ROOMS, sources));
});

test('the web UI uses the client, and of the rest only what finds a fault in JSON', () => {
  const web = readProject(projectRoot()).filter((file) => /^web\/.*\.tsx?$/.test(file.path));
  const outside = web.flatMap(importEdges).filter(({ to }) => !to.startsWith('web/'));
  assert.ok(outside.length > 0);
  assertNone(outside.filter(({ to }) => !WEB_MAY_IMPORT.has(to)).map(({ place, to }) => `${place}: the web UI may not import ${to}`));
});

test('no file needs itself to be loaded', () => {
  assertNone(importCycles(sources));
});

test('the file log is known only to the composition root, and to what works on files without a server', () => {
  const offline = sources.map(({ path }) => path.slice('src/'.length)).filter((path) => path.startsWith('offline/'));
  assertNone(insideOffences('log/file', ['server.ts', ...offline], sources));
});

test('compaction has one entrance, the compactor', () => {
  const inside = 'projects/compaction/';
  const entering = sources.flatMap(importEdges).filter(({ from, to }) => to.startsWith(inside) && !from.startsWith(inside));
  assert.ok(entering.length > 0);
  assertNone(entering.filter(({ to }) => to !== `${inside}compactor.ts`).map(({ place, to }) => `${place}: imports ${to}`));
});

test('the table itself has no cycle', () => {
  assertNone(tableCycles(ROOMS));
  assert.deepEqual(tableCycles({ a: ['b/x.ts'], b: ['c'], c: ['a'] }), ['a -> b -> c -> a']);
});

test('the real source has edges to check', () => {
  assert.ok(sources.flatMap(importEdges).length > 0);
});

test('an edge that the table lacks is found, in every way to write it', () => {
  const ways = [
    `import { a } from '../store/a.js';`, `import type { a } from '../store/a.js';`, `export { a } from '../store/a.js';`,
    `export * from '../store/a.js';`, `import '../store/a.js';`, `const a = await import('../store/a.js');`,
    `let a: import('../store/a.js').A;`, `new Worker(new URL('../store/a.js', import.meta.url));`,
  ];
  for (const text of ways) {
    const offences = roomOffences(ROOMS, sample({ 'log/x.ts': text, 'store/a.ts': '' }));
    assert.deepEqual(offences, ['src/log/x.ts:1: log may not import store/a.ts'], text);
  }
});

test('an edge of the table, an edge inside a room and a package pass', () => {
  const files = sample({
    'store/a.ts': `import './b.js';\nimport '../log/log.js';\nimport 'node:fs';\nimport 'koa';`, 'store/b.ts': '', 'log/log.ts': '',
  });
  assert.deepEqual(roomOffences(ROOMS, files), []);
});

test('where the table names one file of a room, its other files are refused', () => {
  const files = sample({ 'store/a.ts': `import '../log/memory-log.js';`, 'log/memory-log.ts': '' });
  assert.deepEqual(roomOffences(ROOMS, files), ['src/store/a.ts:1: store may not import log/memory-log.ts']);
});

test('a room that is not in the table, a file beside the rooms and an import from outside src are found', () => {
  const files = sample({ 'extra/a.ts': '', 'loose.ts': '', 'base/a.ts': `import '../../test/suite.js';` });
  assert.deepEqual(roomOffences(ROOMS, files), [
    'src/extra/a.ts: no room of the table', 'src/loose.ts: no room of the table',
    'src/base/a.ts:1: imports ../test/suite.ts, which is not in src',
  ]);
});

test('an import of the file log from outside is found, except in the composition root', () => {
  const files = sample({
    'store/a.ts': `import '../log/file/file-log.js';`, 'server.ts': `import './log/file/file-log.js';`,
    'log/a.ts': `import './file/file-log.js';`, 'log/file/file-log.ts': '',
  });
  assert.deepEqual(insideOffences('log/file', ['server.ts'], files), ['src/store/a.ts:1: log/file/file-log.ts is the inside of log']);
});

test('a cycle is found, and one of types alone is not', () => {
  const through = (way: string): SourceText[] => sample({
    'log/a.ts': `import './b.js';`, 'log/b.ts': `import './c.js';`, 'log/c.ts': way,
  });
  assert.deepEqual(importCycles(through(`import { a } from './a.js';`)), ['log/a.ts -> log/b.ts -> log/c.ts -> log/a.ts']);
  assert.deepEqual(importCycles(through(`import type { A } from './a.js';`)), []);
  // The names are erased, the import stays.
  assert.equal(importCycles(through(`import { type A } from './a.js';`)).length, 1);
});

test.run();
