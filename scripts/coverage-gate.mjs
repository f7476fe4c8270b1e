/**
 * Reads what c8 measured, room by room. A room is a folder of src, or a file directly in it. Knows nothing of how
 * the tests were run.
 */
import { readFileSync } from 'node:fs';
import path from 'node:path';

const PERCENT_MIN = 95;
const MEASURES = ['lines', 'branches'];

/** The rooms that must reach the minimum, each by its own tests. */
export const GATED_ROOMS = ['log', 'projections', 'store', 'auth'];

/**
 * Sums the coverage of every room.
 *
 * @param {string} root The top folder of the checkout
 * @param {Record<string, Record<string, {total: number, covered: number}>>} summary What c8 wrote as coverage-summary.json
 * @returns {{name: string, lines: number, branches: number, gated: boolean, isEnough: boolean}[]} Percentages by room
 */
export function coverageByRoom(root, summary) {
  const rooms = new Map(GATED_ROOMS.map((name) => [name, emptyRoom()]));
  for (const [file, counts] of Object.entries(summary)) {
    const place = path.relative(path.join(root, 'src'), file);
    if (file === 'total' || place.startsWith('..') || hasOnlyTypes(root, place)) continue;
    const name = place.split(path.sep)[0];
    const room = rooms.get(name) ?? emptyRoom();
    for (const measure of MEASURES) {
      room[measure].total += counts[measure].total;
      room[measure].covered += counts[measure].covered;
    }
    rooms.set(name, room);
  }
  return [...rooms].sort(([a], [b]) => (a < b ? -1 : 1)).map(([name, room]) => roomRow(name, room));
}

/**
 * Lays the rooms out as a table.
 *
 * @param {ReturnType<typeof coverageByRoom>} rows The rooms
 * @returns {string} One line a room, with a head
 */
export function coverageTable(rows) {
  const lines = rows.map((row) => {
    const cells = MEASURES.map((measure) => `${row[measure].toFixed(1)} %`.padStart(10)).join('');
    const verdict = row.isEnough ? '' : `  at least ${PERCENT_MIN} % needed`;
    return `${row.name.padEnd(16)}${cells}${verdict}`;
  });
  return [`${'coverage'.padEnd(16)}${MEASURES.map((measure) => measure.padStart(10)).join('')}`, ...lines].join('\n');
}

function emptyRoom() {
  return { lines: { total: 0, covered: 0 }, branches: { total: 0, covered: 0 } };
}

function roomRow(name, room) {
  const gated = GATED_ROOMS.includes(name);
  const percent = Object.fromEntries(MEASURES.map((measure) => [measure, percentOf(room[measure], gated)]));
  // Compared unrounded: 94.96 % is shown as 95.0 %, and is not enough.
  return { name, ...percent, gated, isEnough: !gated || MEASURES.every((measure) => percent[measure] >= PERCENT_MIN) };
}

/** A room of which nothing was measured has reached nothing, if it is one that must. */
function percentOf({ total, covered }, gated) {
  if (total === 0) return gated ? 0 : 100;
  return (100 * covered) / total;
}

/** A file of types compiles to nothing, is never loaded, and would count as lines that no test reaches. */
function hasOnlyTypes(root, place) {
  const compiled = path.join(root, 'dist/src', place.replace(/\.ts$/, '.js'));
  const code = readFileSync(compiled, 'utf8').replaceAll(/\/\*[\s\S]*?\*\/|^\s*\/\/.*$/gm, '').trim();
  return code === 'export {};';
}
