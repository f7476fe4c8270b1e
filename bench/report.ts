/** Turns what was measured into a table in Markdown. */
import type { Experiment, Row } from './experiment.js';
import type { Extent } from './extent.js';
import { median } from './numbers.js';

/** Beyond it the load, and not the server, may be what is measured. */
const GENERATOR_SHARE_MAX = 0.9;
const SIGNIFICANT_DIGITS = 3;
const PERCENT = 100;

/** What each side came to in one round. */
export interface Round {
  readonly ours: unknown;
  readonly other: unknown;
}

/** An experiment and how it went. */
export interface Outcome {
  readonly experiment: Experiment<unknown>;
  readonly rounds: readonly Round[];
  /** Why there are no figures; empty when there are. */
  readonly remark: string;
}

/** The columns of the table. */
export const HEADINGS = [
  '`npm run bench --`', 'work', 'against', 'median', 'min to max', 'wanted', 'reached', 'CPU', 'SimpleKV', 'the other',
];

/**
 * Lays out the table.
 *
 * @param outcomes In the order of the rows
 * @param extent How much was measured
 * @returns Its lines
 */
export function tableOf(outcomes: readonly Outcome[], extent: Extent): readonly string[] {
  return [line(HEADINGS), line(HEADINGS.map(() => '---')), ...outcomes.flatMap((outcome) => rowsOf(outcome, extent))];
}

/**
 * Says how busy the load generator was.
 *
 * @param outcomes What was measured
 * @returns One line; none when nothing made a load
 */
export function generatorLines(outcomes: readonly Outcome[]): readonly string[] {
  const shares = outcomes.flatMap(({ experiment, rounds }) => rounds.flatMap(({ ours, other }) => (
    [ours, other].flatMap((figures) => {
      const share = experiment.generatorShare?.(figures);
      return share === undefined ? [] : [{ name: experiment.name, share }];
    })
  )));
  const busiest = shares.toSorted((a, b) => b.share - a.share)[0];
  if (busiest === undefined) return [];
  const most = `The load generator was on its processor for at most ${(busiest.share * PERCENT).toFixed(0)} % of a load (${busiest.name}).`;
  const limited = [...new Set(shares.filter(({ share }) => share > GENERATOR_SHARE_MAX).map(({ name }) => name))];
  return [limited.length === 0 ? most : `${most} It may have been the limit in: ${limited.join(', ')}.`];
}

function rowsOf({ experiment, rounds, remark }: Outcome, extent: Extent): readonly string[] {
  return experiment.rows(extent).map((row) => {
    const wanted = wantedText(row);
    if (rounds.length === 0) return line([experiment.name, row.work, row.against, remark, '', wanted, '', '', '', '']);
    const values = rounds.map(({ ours, other }) => row.value(ours, other));
    const result = median(values);
    const range = `${digits(Math.min(...values))} to ${digits(Math.max(...values))}`;
    const sides = [rounds.map(({ ours }) => ours), rounds.map(({ other }) => other)];
    const shown = sides.map((figures) => row.show(medianFigures(figures)));
    return line([
      experiment.name, row.work, row.against, `**${digits(result)}${row.unit}**`, range, wanted, reachedText(row, values),
      cpuText(row, rounds), ...shown,
    ]);
  });
}

/**
 * What a row must reach, in words.
 *
 * @returns The limit, or that there is none
 */
export function wantedText({ wanted, unit, isJudgedByWorst }: Row<unknown>): string {
  if (wanted === undefined) return 'reported';
  const limit = 'atLeast' in wanted ? `≥ ${wanted.atLeast}${unit}` : `≤ ${wanted.atMost}${unit}`;
  return isJudgedByWorst === true ? `${limit}, always` : limit;
}

/** By the unrounded figure: 0.7996 is shown as 0.800, and is not 0.8. */
function reachedText({ wanted, isJudgedByWorst }: Row<unknown>, values: readonly number[]): string {
  if (wanted === undefined) return '–';
  const isAtLeast = 'atLeast' in wanted;
  const worst = isAtLeast ? Math.min(...values) : Math.max(...values);
  const judged = isJudgedByWorst === true ? worst : median(values);
  return (isAtLeast ? judged >= wanted.atLeast : judged <= wanted.atMost) ? 'yes' : '**no**';
}

/** Less noisy than what a clock shows: time that other programs take is not in it. */
function cpuText(row: Row<unknown>, rounds: readonly Round[]): string {
  const ratios = rounds.flatMap(({ ours, other }) => row.cpuRatio?.(ours, other) ?? []);
  return ratios.length === 0 ? '' : `${digits(median(ratios))}x`;
}

/** All figures are objects of numbers: each member's median by itself. */
function medianFigures(figures: readonly unknown[]): unknown {
  const records = figures as readonly Readonly<Record<string, number>>[];
  return Object.fromEntries(Object.keys(records[0] ?? {}).map((name) => [name, median(records.map((record) => record[name] ?? 0))]));
}

function digits(value: number): string {
  if (Math.abs(value) >= 10 ** SIGNIFICANT_DIGITS || Number.isInteger(value)) return value.toFixed(0);
  return value.toPrecision(SIGNIFICANT_DIGITS);
}

function line(cells: readonly string[]): string {
  return `| ${cells.join(' | ')} |`;
}
