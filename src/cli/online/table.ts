/**
 * Tables for people: columns as wide as a terminal shows their cells, however many code units these take. Pure.
 */
import { printable } from '../printable.js';

/** Characters that a terminal shows in two columns: East Asian ones, and pictures. */
const WIDE = new RegExp([
  String.raw`[\u1100-\u115f\u2e80-\u303e\u3041-\ua4cf\uac00-\ud7a3\uf900-\ufaff\ufe30-\ufe6f\uff00-\uff60\uffe0-\uffe6]`,
  String.raw`\p{Emoji_Presentation}`,
].join('|'), 'u');
const GAP = '  ';
const NUMBER = /^-?[\d,.]+(?: \w+)?$/;

let segmenter: Intl.Segmenter | undefined;

/** Columns that a terminal needs for a text. */
function widthOf(text: string): number {
  segmenter ??= new Intl.Segmenter();
  let width = 0;
  for (const { segment } of segmenter.segment(text)) width += WIDE.test(segment) ? 2 : 1;
  return width;
}

/**
 * Makes a table.
 *
 * @param isTerminal whether a person sees it; otherwise there is no heading, and tabs separate the cells
 * @returns with the final line feed; empty if there are no rows and no person sees it
 */
export function tableText(heading: readonly string[], rows: readonly (readonly string[])[], isTerminal: boolean): string {
  const shown = rows.map((row) => row.map(printable));
  if (!isTerminal) return shown.map((row) => `${row.join('\t')}\n`).join('');
  const all = [heading, ...shown];
  const widths = heading.map((_, column) => Math.max(...all.map((row) => widthOf(row[column] ?? ''))));
  const isNumeric = heading.map((_, column) => shown.length > 0 && shown.every((row) => NUMBER.test(row[column] ?? '')));
  return all.map((row) => {
    const cells = row.map((cell, column) => {
      const padding = ' '.repeat((widths[column] ?? 0) - widthOf(cell));
      return isNumeric[column] === true ? padding + cell : cell + padding;
    });
    return `${cells.join(GAP).trimEnd()}\n`;
  }).join('');
}

/** Lines of a name and what it has, one below the other. */
export function factsText(facts: readonly (readonly [name: string, value: string])[]): string {
  const width = Math.max(...facts.map(([name]) => name.length));
  return facts.map(([name, value]) => `${name.padEnd(width)}  ${printable(value)}\n`).join('');
}
