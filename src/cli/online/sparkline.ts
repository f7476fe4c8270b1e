/**
 * Draws numbers as a line of small bars. Pure.
 */

const BARS = ['▁', '▂', '▃', '▄', '▅', '▆', '▇', '█'] as const;
/** No sample. */
const GAP = ' ';

/**
 * Draws samples.
 *
 * @param samples oldest first; null where there is none
 * @param widthMax columns; more samples are put together, each column showing the largest
 */
export function sparkline(samples: readonly (number | null)[], widthMax: number): string {
  const perColumn = Math.max(1, Math.ceil(samples.length / widthMax));
  const columns: (number | null)[] = [];
  for (let from = 0; from < samples.length; from += perColumn) {
    const known = samples.slice(from, from + perColumn).filter((sample) => sample !== null);
    columns.push(known.length === 0 ? null : Math.max(...known));
  }
  const max = Math.max(0, ...columns.map((column) => column ?? 0));
  return columns.map((column) => {
    if (column === null) return GAP;
    const bar = max <= 0 ? 0 : Math.round((Math.max(0, column) / max) * (BARS.length - 1));
    return BARS[bar] ?? GAP;
  }).join('');
}
