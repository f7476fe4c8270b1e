import assert from 'node:assert/strict';
import { existsSync } from 'node:fs';
import path from 'node:path';
import { suite } from '../suite.js';
import { assertNone, projectRoot } from '../tidy/source-tree.js';
import { plain, readDocument, section, tableRows } from './documents.js';

const test = suite('architecture-doc');
const document = readDocument('docs/ARCHITECTURE.md');

/** The table of `test/architecture.test.ts`, read as text: loading that file would run its tests. */
function roomTable(): ReadonlyMap<string, readonly string[]> {
  const block = /const ROOMS: RoomTable = \{\n([\s\S]*?)\n\};/.exec(readDocument('test/architecture.test.ts'))?.[1] ?? '';
  const rows = block.split('\n').map((row) => /^ {2}'([^']+)': \[(.*)\],$/.exec(row));
  assert.ok(rows.length > 0 && rows.every((row) => row !== null), 'the table is readable');
  return new Map(rows.map((row) => [row?.[1] ?? '', [...(row?.[2] ?? '').matchAll(/'([^']+)'/g)].map(([, name = '']) => name)]));
}

test('the table of rooms is the one that the architecture test enforces', () => {
  const rows = tableRows(section(document, 'Rooms')).map(([room, , imports]) => {
    const names = plain(imports);
    return [plain(room), names === '–' ? [] : names.split(', ')] as const;
  });
  assert.deepEqual(rows, [...roomTable()]);
});

test('every file that the page names exists', () => {
  const names = [...document.matchAll(/`((?:src|test|docs)\/[\w./-]+)`/g)].map(([, name = '']) => name);
  assert.ok(names.length > 20, `${names.length} names were found`);
  assertNone(names.filter((name) => !existsSync(path.join(projectRoot(), name))));
});

test('every package that the server uses has a reason', () => {
  const { dependencies } = JSON.parse(readDocument('package.json')) as { dependencies: Record<string, string> };
  const named = tableRows(section(readDocument('docs/decisions.md'), 'Packages')).flatMap(([names]) => plain(names).split(', '));
  assert.deepEqual(named.sort(), Object.keys(dependencies).sort());
});

test('the glossary explains every word once', () => {
  const words = tableRows(readDocument('docs/glossary.md')).map(([word]) => word ?? '');
  assert.deepEqual(words.filter((word, index) => words.indexOf(word) !== index), []);
  const needed = ['event', 'command', 'append', 'segment', 'active', 'sealed', 'rotate', 'torn tail', 'recovery', 'replay', 'projection',
    'snapshot', 'compaction', 'seq', 'offset', 'head', 'follow'];
  assertNone(needed.filter((word) => !words.includes(word)));
});

test.run();
