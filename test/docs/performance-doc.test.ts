/** docs/performance.md against the rows of the benchmark table. */
import assert from 'node:assert/strict';
import { existsSync, readdirSync } from 'node:fs';
import path from 'node:path';
import { FULL_EXTENT } from '../../bench/extent.js';
import { HEADINGS, wantedText } from '../../bench/report.js';
import { EXPERIMENTS } from '../../bench/rows/all-rows.js';
import { suite } from '../suite.js';
import { projectRoot } from '../tidy/source-tree.js';
import { readDocument, section, tableRows } from './documents.js';

const test = suite('performance-doc');
const document = readDocument('docs/performance.md');
const table = section(document, 'The table');

test('the table has every row that is measured, with what is wanted of it', () => {
  const wantedColumn = HEADINGS.indexOf('wanted');
  assert.deepEqual(
    tableRows(table).map((cells) => [...cells.slice(0, 3), cells[wantedColumn]]),
    EXPERIMENTS.flatMap(({ name, rows }) => rows(FULL_EXTENT).map((row) => [name, row.work, row.against, wantedText(row)])),
  );
});

test('a row that misses its aim is marked, and each marked row is explained', () => {
  const missed = tableRows(table).filter((cells) => cells[HEADINGS.indexOf('reached')] === '**no**').map(([name = '']) => name);
  const explained = tableRows(section(document, 'What misses its aim')).map(([names = '']) => names).join();
  for (const name of missed) assert.ok(explained.includes(`\`${name}\``), name);
});

test('every command names something that can be measured', () => {
  const alone = readdirSync(path.join(projectRoot(), 'bench')).flatMap((name) => /^(.*)\.bench\.ts$/.exec(name)?.[1] ?? []);
  const rows = EXPERIMENTS.flatMap(({ name }) => [name, ...name.split('-')]);
  for (const [, word = ''] of document.matchAll(/npm run bench -- ([a-z-]+)/g)) {
    assert.ok(word.startsWith('--') || alone.includes(word) || rows.includes(word), word);
  }
  assert.ok(existsSync(path.join(projectRoot(), 'bench/table.ts')));
});

test.run();
