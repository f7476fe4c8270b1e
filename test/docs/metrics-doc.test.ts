/** docs/metrics.md against the table of metrics. */
import assert from 'node:assert/strict';
import { LABELS, METRICS } from '../../src/metrics/metrics-table.js';
import { suite } from '../suite.js';
import { readDocument, section } from './documents.js';

const test = suite('metrics-doc');
const document = readDocument('docs/metrics.md');

function compareTable(title: string, head: string, rows: readonly (readonly string[])[]): void {
  const expected = [head, head.replace(/[^|]+/g, ' --- '), ...rows.map((cells) => `| ${cells.join(' | ')} |`)].join('\n');
  const shown = section(document, title).split('\n').filter((line) => line.startsWith('|')).join('\n');
  assert.ok(shown === expected, `docs/metrics.md must have this table under "${title}":\n\n${expected}\n`);
}

for (const title of new Set(Object.values(METRICS).map(({ group }) => group))) {
  test(`the metrics under "${title}" are those of the program`, () => {
    const rows = Object.entries(METRICS).filter(([, { group }]) => group === title);
    compareTable(title, '| metric | type | labels | meaning |', rows.map(([name, { type, labels, help }]) => (
      [`\`${name}\``, type, labels.length === 0 ? '–' : labels.map((label) => `\`${label}\``).join(', '), help]
    )));
  });
}

test('the labels are those of the program', () => {
  compareTable('Labels', '| label | value |', Object.entries(LABELS).map(([name, meaning]) => [`\`${name}\``, meaning]));
});

test.run();
