/** The gate of `npm test` on coverage, with summaries as c8 writes them. */
import assert from 'node:assert/strict';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { pathToFileURL } from 'node:url';
import { suite } from './suite.js';
import { projectRoot } from './tidy/source-tree.js';

interface Measured {
  readonly total: number;
  readonly covered: number;
}
type Summary = Record<string, { lines: Measured; branches: Measured }>;

interface Row {
  readonly name: string;
  readonly lines: number;
  readonly branches: number;
  readonly isEnough: boolean;
}

interface CoverageGate {
  coverageByRoom(root: string, summary: Summary): Row[];
  coverageTable(rows: Row[]): string;
}

const test = suite('coverage-gate');
const gate = await import(pathToFileURL(path.join(projectRoot(), 'scripts/coverage-gate.mjs')).href) as CoverageGate;

/** Judges files of src, each given as [lines covered, branches covered] of 1,000, in a project of their own. */
function judge(files: Record<string, readonly [number, number]>, code = 'export const a = 1;'): Map<string, Row> {
  const root = mkdtempSync(path.join(tmpdir(), 'simplekv-gate-'));
  try {
    const summary: Summary = { total: counts([0, 0]) };
    for (const [file, covered] of Object.entries(files)) {
      const compiled = path.join(root, 'dist/src', file.replace(/\.ts$/, '.js'));
      mkdirSync(path.dirname(compiled), { recursive: true });
      writeFileSync(compiled, `/** Comment. */\n${code}\n//# sourceMappingURL=x.js.map`);
      summary[path.join(root, 'src', file)] = counts(covered);
    }
    return new Map(gate.coverageByRoom(root, summary).map((row) => [row.name, row]));
  } finally {
    rmSync(root, { recursive: true });
  }
}

function counts([lines, branches]: readonly [number, number]): { lines: Measured; branches: Measured } {
  return { lines: { total: 1_000, covered: lines }, branches: { total: 1_000, covered: branches } };
}

test('a gated room needs 95 % of lines and of branches, unrounded', () => {
  assert.equal(judge({ 'log/a.ts': [950, 950] }).get('log')?.isEnough, true);
  assert.equal(judge({ 'log/a.ts': [949, 1_000] }).get('log')?.isEnough, false);
  assert.equal(judge({ 'log/a.ts': [1_000, 949] }).get('log')?.isEnough, false);
});

test('the files of a room are summed, those in its folders too', () => {
  const row = judge({ 'store/a.ts': [1_000, 1_000], 'store/deep/b.ts': [900, 800] }).get('store');
  assert.deepEqual([row?.lines, row?.branches, row?.isEnough], [95, 90, false]);
});

test('a gated room of which nothing was measured fails', () => {
  const rows = judge({});
  for (const name of ['log', 'projections', 'store', 'auth']) assert.equal(rows.get(name)?.isEnough, false, name);
});

test('other rooms are shown and never fail', () => {
  const rows = judge({ 'http/a.ts': [0, 0], 'server.ts': [500, 500] });
  assert.equal(rows.get('http')?.isEnough, true);
  assert.equal(rows.get('server.ts')?.lines, 50);
});

test('a file of types alone does not count', () => {
  assert.equal(judge({ 'log/log.ts': [0, 0], 'log/b.ts': [0, 0] }, 'export {};').get('log')?.lines, 0);
  assert.equal(judge({ 'http/types.ts': [0, 0] }, 'export {};').has('http'), false);
});

test('the table names what is missing', () => {
  const rows = [...judge({ 'log/a.ts': [900, 1_000] }).values()];
  assert.match(gate.coverageTable(rows), /^log +90\.0 % +100\.0 % {2}at least 95 % needed$/m);
});

test.run();
