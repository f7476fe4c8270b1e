/** Parses the text format of Prometheus, by its description and not by what writes it. */

/** One series. */
export interface ParsedSample {
  readonly name: string;
  readonly labels: Readonly<Record<string, string>>;
  readonly value: number;
}

/** One metric. */
export interface ParsedMetric {
  readonly help: string;
  readonly type: string;
  readonly samples: readonly ParsedSample[];
}

const LINE = /^([a-zA-Z_:][a-zA-Z0-9_:]*)(?:\{(.*)\})? (\S+)$/s;
const ESCAPES: Readonly<Record<string, string>> = { 'n': '\n', '\\': '\\', '"': '"' };

/**
 * Parses an exposition.
 *
 * @returns the metrics by name, in their order
 * @throws {Error} for a line that is none, a series outside of its metric, and a series or a metric that is there twice
 */
export function parseExposition(text: string): ReadonlyMap<string, ParsedMetric> {
  if (!text.endsWith('\n')) throw new Error('The last line has no line feed');
  const metrics = new Map<string, { help: string; type: string; samples: ParsedSample[] }>();
  const seen = new Set<string>();
  let current = '';
  for (const line of text.slice(0, -1).split('\n')) {
    const [, kind, name = '', rest = ''] = /^# (HELP|TYPE) (\S+) (.*)$/.exec(line) ?? [];
    if (kind === 'HELP') {
      if (metrics.has(name)) throw new Error(`The metric ${name} is there twice`);
      metrics.set(name, { help: rest, type: '', samples: [] });
      current = name;
      continue;
    }
    const metric = metrics.get(current);
    if (metric === undefined) throw new Error(`A line before the first metric: ${line}`);
    if (kind === 'TYPE') {
      if (name !== current || metric.type !== '') throw new Error(`A type out of place: ${line}`);
      metric.type = rest;
      continue;
    }
    const sample = parseSample(line);
    const parts = metric.type === 'histogram' || metric.type === 'summary' ? ['', '_bucket', '_sum', '_count'] : [''];
    if (!parts.some((part) => sample.name === `${current}${part}`)) throw new Error(`Not of ${current}: ${line}`);
    const identity = JSON.stringify([sample.name, Object.entries(sample.labels).sort()]);
    if (seen.has(identity)) throw new Error(`A series is there twice: ${line}`);
    seen.add(identity);
    metric.samples.push(sample);
  }
  return metrics;
}

function parseSample(line: string): ParsedSample {
  const [, name, labels, value] = LINE.exec(line) ?? [];
  if (name === undefined || value === undefined) throw new Error(`No sample: ${line}`);
  const number = value === '+Inf' ? Infinity : Number(value);
  if (Number.isNaN(number)) throw new Error(`No number: ${line}`);
  return { name, labels: labels === undefined ? {} : parseLabels(labels), value: number };
}

function parseLabels(text: string): Record<string, string> {
  const labels: Record<string, string> = {};
  let at = 0;
  while (at < text.length) {
    const [start, name = ''] = /^,?([a-zA-Z_][a-zA-Z0-9_]*)="/.exec(text.slice(at)) ?? [];
    if (start === undefined || name in labels) throw new Error(`No label: ${text.slice(at)}`);
    at += start.length;
    let value = '';
    for (; text[at] !== '"'; at += 1) {
      const character = text[at];
      if (character === undefined) throw new Error(`A value without an end: ${text}`);
      if (character !== '\\') {
        value += character;
        continue;
      }
      at += 1;
      const escaped = ESCAPES[text[at] ?? ''];
      if (escaped === undefined) throw new Error(`No escape: ${text}`);
      value += escaped;
    }
    at += 1;
    labels[name] = value;
  }
  return labels;
}
