/**
 * The last hour of a project as charts, from the history that the server keeps.
 */
import { useEffect, useRef, useState } from 'preact/hooks';
import { isCode, type StatsJson } from '../src/client/index.js';
import type { Chart, Line } from './chart.js';
import { count, size } from './format.js';
import { Failure, Loading } from './parts.js';
import { admin, isGlobal, may } from './session.js';
import { theme } from './theme.js';
import { useLoad } from './use-load.js';

const REFRESH_MS = 5000;
const WINDOWS = [{ seconds: 600, label: '10 min' }, { seconds: 3600, label: '1 h' }] as const;
const MS_PER_SECOND = 1000;

type SeriesName = keyof StatsJson['series'];

/** A chart: its title, and the series in it. */
interface ChartSpec {
  readonly title: string;
  readonly lines: readonly { readonly series: SeriesName; readonly label: string }[];
  /** True for what is counted in a step: shown per second. */
  readonly isRate?: boolean;
  readonly text: (value: number) => string;
}

const rate = (value: number): string => (value >= 100 ? count(Math.round(value)) : String(Math.round(value * 10) / 10));
const milliseconds = (value: number): string => `${rate(value * MS_PER_SECOND)} ms`;

const CHARTS: readonly ChartSpec[] = [
  {
    title: 'Requests per second', isRate: true, text: rate,
    lines: [{ series: 'requests', label: 'requests' }, { series: 'writes', label: 'writes' }],
  },
  {
    title: 'Errors per second', isRate: true, text: rate,
    lines: [{ series: 'problems_4xx', label: '4xx' }, { series: 'problems_5xx', label: '5xx' }],
  },
  {
    title: 'Sync time', text: milliseconds,
    lines: [{ series: 'sync_p50_seconds', label: 'median' }, { series: 'sync_p99_seconds', label: '99 %' }],
  },
  { title: 'Keys', lines: [{ series: 'keys', label: 'keys' }], text: (value) => count(Math.round(value)) },
  { title: 'Values', lines: [{ series: 'value_bytes', label: 'size' }], text: size },
  { title: 'Queued changes', lines: [{ series: 'queue_commands', label: 'queued' }], text: rate },
  { title: 'Memory', lines: [{ series: 'resident_bytes', label: 'resident' }], text: size },
  { title: 'Delay of the event loop', lines: [{ series: 'event_loop_lag_p99_seconds', label: '99 %' }], text: milliseconds },
];

/** Shows the charts that the server has figures for: of a project, or with null of the server. */
export function Charts({ project }: { readonly project: string | null }) {
  const [seconds, setSeconds] = useState<number>(WINDOWS[0].seconds);
  const [isServer, setIsServer] = useState(project === null);
  const { data, error, reload } = useLoad(
    (signal) => admin().stats({ windowSeconds: seconds, ...(isServer || project === null ? {} : { project }), signal }),
    [project, seconds, isServer],
  );
  useEffect(() => {
    const timer = setInterval(() => document.visibilityState === 'visible' && error === undefined && reload(), REFRESH_MS);
    return () => clearInterval(timer);
  }, [error, reload]);
  const known = CHARTS.filter(({ lines }) => lines.some(({ series }) => data?.series[series]?.some((value) => value !== null)));
  return (
    <section class="charts" aria-label="The last hour">
      <div class="title">
        <h2>Last hour</h2>
        <span class="grow" />
        {project !== null && (isGlobal() || may('metrics')) && (
          <div class="segments" role="group" aria-label="Of what">
            <button type="button" aria-pressed={!isServer} onClick={() => setIsServer(false)}>Project</button>
            <button type="button" aria-pressed={isServer} onClick={() => setIsServer(true)}>Server</button>
          </div>
        )}
        <div class="segments" role="group" aria-label="How far back">
          {WINDOWS.map((window) => (
            <button key={window.seconds} type="button" aria-pressed={seconds === window.seconds} onClick={() => setSeconds(window.seconds)}>
              {window.label}
            </button>
          ))}
        </div>
      </div>
      {isCode(error, 'not_found') && <p class="muted">This server keeps no history of its figures, so there is nothing to draw.</p>}
      {error !== undefined && !isCode(error, 'not_found') && <Failure error={error} onRetry={reload} />}
      {data === undefined && error === undefined && <Loading what="the last hour" />}
      {data !== undefined && known.length === 0 && <p class="muted">There are no figures yet: the first ones come after some seconds.</p>}
      {data !== undefined && <div class="chart-grid">{known.map((spec) => <ChartCard key={spec.title} spec={spec} stats={data} />)}</div>}
    </section>
  );
}

function ChartCard({ spec, stats }: { readonly spec: ChartSpec; readonly stats: StatsJson }) {
  const place = useRef<HTMLDivElement>(null);
  const chart = useRef<Chart | null>(null);
  const divisor = spec.isRate === true ? stats.step_seconds : 1;
  const lines: Line[] = spec.lines.map(({ series, label }) => ({
    label, values: (stats.series[series] ?? []).map((value) => (value === null ? null : value / divisor)),
  }));
  const startSeconds = new Date(stats.start).getTime() / MS_PER_SECOND;
  const times = (lines[0]?.values ?? []).map((_, index) => startSeconds + index * stats.step_seconds);
  useEffect(() => {
    let isGone = false;
    void import('./chart.js').then(({ createChart }) => {
      if (isGone || place.current === null) return;
      chart.current = createChart(place.current, { times, lines, text: spec.text });
    });
    return () => {
      isGone = true;
      chart.current?.destroy();
      chart.current = null;
    };
  }, [theme.value, spec]);
  useEffect(() => chart.current?.update(times, lines), [stats]);
  return (
    <article class="chart">
      <h3>{spec.title}</h3>
      <p class="legend">
        {lines.map(({ label, values }, index) => {
          const last = values.findLast((value) => value !== null);
          return <span key={label} class={`line-${index}`}>{label} <b>{last == null ? '–' : spec.text(last)}</b></span>;
        })}
      </p>
      {/* What the picture shows last is in the line above. */}
      <div ref={place} class="plot" aria-hidden="true" />
    </article>
  );
}
