import assert from 'node:assert/strict';
import { PROOFS } from '../proofs/proofs.js';
import { SABOTEURS } from '../proofs/saboteurs/saboteurs.js';
import { suite } from '../suite.js';
import { plain, readDocument, section, tableRows } from './documents.js';

const test = suite('reliability-doc');
const document = readDocument('docs/reliability.md');

/** One column of a section's first table. */
function column(title: string, index = 0): readonly string[] {
  return tableRows(section(document, title)).map((cells) => plain(cells[index]));
}

test('the page lists the proofs that are run, in their order', () => {
  assert.deepEqual(column('Proofs'), PROOFS.map(({ name }) => name));
});

test('every proof has a section of its own', () => {
  for (const { name } of PROOFS) assert.ok(section(document, name).length > 0, name);
});

test('every count is explained, and nothing else', () => {
  const rows = tableRows(section(document, 'What the lines of the table mean'));
  const explained = rows.map(([proof, count]) => `${plain(proof)}: ${plain(count)}`);
  assert.deepEqual(explained, PROOFS.flatMap(({ name, counts }) => counts.map((count) => `${name}: ${count}`)));
});

test('the page lists every saboteur', () => {
  assert.deepEqual([...column('saboteurs')].sort(), SABOTEURS.map(({ name }) => name).sort());
});

test('the table of the last run, if there is one, has every count of every proof', () => {
  const last = section(document, 'Last run');
  if (!last.includes('\n|')) return;
  const counted = 2;
  assert.deepEqual(tableRows(last).map((cells) => plain(cells[counted])), PROOFS.flatMap(({ counts }) => counts));
});

test('every command is one of package.json', () => {
  const { scripts } = JSON.parse(readDocument('package.json')) as { scripts: Record<string, string> };
  assert.equal(scripts['prove'], 'node scripts/prove.mjs');
  for (const [, line = ''] of document.matchAll(/^(npm run prove.*)$/gm)) assert.match(line, /^npm run prove(?: -- [\w -]+?)?(?: +#.*)?$/);
});

test.run();
