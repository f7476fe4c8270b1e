/** The files for Prometheus and Grafana that come with the program, and the metrics that they name. */
import { readDocument } from '../docs/documents.js';

/** The alerts. */
export const RULES = 'ops/prometheus/rules.yml';
/** The dashboard. */
export const DASHBOARD = 'ops/grafana/simplekv.json';

/** What is used of a panel. */
export interface Panel {
  readonly id: number;
  readonly type: string;
  readonly title: string;
  readonly gridPos: { readonly x: number; readonly y: number; readonly w: number; readonly h: number };
  readonly datasource?: { readonly uid: string };
  readonly targets?: readonly { readonly expr: string; readonly datasource: { readonly uid: string } }[];
}

/** Reads the dashboard. */
export function readDashboard(): { readonly panels: readonly Panel[] } {
  return JSON.parse(readDocument(DASHBOARD)) as { panels: Panel[] };
}

/** The expressions of the alerts, each with what names it. */
export function ruleExpressions(): readonly (readonly [alert: string, expr: string])[] {
  const alerts = readDocument(RULES).split(/^ +- alert: /m).slice(1);
  return alerts.map((text) => {
    const [, expr = ''] = /^ +expr: (?:>-\n)?([\s\S]*?)^ +(?:for|labels):/m.exec(text) ?? [];
    return [text.split('\n')[0] ?? '', expr.replace(/\s+/g, ' ').trim()] as const;
  });
}

/** The names of series in an expression. */
export function seriesIn(expr: string): readonly string[] {
  // What is quoted is the value of a label.
  return [...expr.replace(/"[^"]*"/g, '').matchAll(/\b(?:simplekv|process|nodejs|go|up)_?[a-z0-9_]*\b/g)].map(([name]) => name);
}
