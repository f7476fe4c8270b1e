/**
 * How each metric of this program is read at a scrape: from the counters, and from the facts of the moment.
 */
import type { HttpCounters } from './http-counters.js';
import { LAG_QUANTILES, type LoopLag } from './loop-lag.js';
import type { ServerFacts } from './metric-facts.js';
import { OTHER_PROJECTS, type OwnMetricName } from './metrics-table.js';
import type { ProjectCounts } from './project-counters.js';
import { PROJECT_GAUGES, type ProjectGaugeName, type ProjectGauges } from './project-gauges.js';
import { histogramSamples, type Labels, type Sample } from './sample.js';
import type { WorkCounters } from './work-counters.js';

const MS_PER_SECOND = 1000;

/** The newest loads of the configuration. */
export interface ReloadState {
  readonly isSuccess: boolean;
  /** Time of the newest one that succeeded, in milliseconds since 1970. */
  readonly succeededAtMs: number;
}

/** What is counted since the start. */
export interface Counters {
  readonly http: HttpCounters;
  readonly work: WorkCounters;
  readonly lag: LoopLag;
  readonly reload: ReloadState;
  readonly startMs: number;
}

/** What a scrape shows. */
export interface Scraped extends Counters {
  readonly facts: ServerFacts;
  readonly gauges: ProjectGauges;
}

type Samples = Iterable<Sample>;
type OtherName = Exclude<OwnMetricName, ProjectGaugeName>;

const COUNTED: Readonly<Record<OtherName, (scraped: Scraped) => Samples>> = {
  simplekv_build_info: ({ facts: { build } }) => [{ value: 1, labels: { ...build } }],
  simplekv_ready: ({ facts }) => one(Number(facts.isReady)),
  simplekv_start_duration_seconds: ({ startMs }) => one(startMs / MS_PER_SECOND),
  simplekv_config_reload_success: ({ reload }) => one(Number(reload.isSuccess)),
  simplekv_config_reload_timestamp_seconds: ({ reload }) => one(reload.succeededAtMs / MS_PER_SECOND),
  simplekv_disk_free_bytes: ({ facts: { diskFreeBytes } }) => (diskFreeBytes === undefined ? [] : one(diskFreeBytes)),
  simplekv_disk_low: ({ facts }) => one(Number(facts.isDiskLow)),
  simplekv_http_requests_total: ({ http }) => requests(http),
  simplekv_http_problems_total: ({ http }) => labelled('code', [...http.problems]),
  simplekv_http_request_duration_seconds: ({ http }) => durations(http),
  simplekv_http_request_bytes_total: ({ http }) => one(http.requestBytes),
  simplekv_http_response_bytes_total: ({ http }) => one(http.responseBytes),
  simplekv_http_connections: ({ facts }) => one(facts.connections),
  simplekv_http_streams: ({ facts }) => labelled('kind', Object.entries(facts.streams)),
  simplekv_failed_keys_total: ({ http }) => labelled('reason', Object.entries(http.failedKeys)),
  simplekv_throttled_total: ({ http }) => labelled('reason', Object.entries(http.throttles)),
  simplekv_log_sync_duration_seconds: ({ work }) => histogramSamples(work.syncs),
  simplekv_log_batch_commands: ({ work }) => histogramSamples(work.commands),
  simplekv_log_lines_total: ({ work }) => ofProjects(work, ({ lines }) => labelled('op', [...lines])),
  simplekv_log_bytes_total: ({ work }) => ofProjects(work, ({ lineBytes }) => one(lineBytes)),
  simplekv_log_torn_tails_total: ({ work }) => ofProjects(work, ({ tornTails }) => one(tornTails)),
  simplekv_keys_expired_total: ({ work }) => ofProjects(work, ({ expiredKeys }) => one(expiredKeys)),
  simplekv_compactions_total: ({ work }) => ofProjects(work, ({ compactions }) => labelled('outcome', Object.entries(compactions))),
  simplekv_compaction_duration_seconds: ({ work }) => histogramSamples(work.compactions),
  simplekv_scrub_bytes_total: ({ work }) => one(work.scrubbedBytes),
  simplekv_scrub_faults_total: ({ work }) => one(work.scrubFaults),
  nodejs_eventloop_lag_seconds: ({ lag }) => lagSamples(lag),
};

const GAUGES = new Set<string>(PROJECT_GAUGES);

/** Returns the series of a metric, lazily: few are made before the next is asked for. */
export function samplesOf(name: OwnMetricName, scraped: Scraped): Samples {
  if (GAUGES.has(name)) return scraped.gauges.samples(name as ProjectGaugeName);
  return COUNTED[name as OtherName](scraped);
}

function one(value: number): readonly Sample[] {
  return [{ value }];
}

function labelled(label: string, values: readonly (readonly [string, number])[]): readonly Sample[] {
  return values.map(([name, value]) => ({ value, labels: { [label]: name } }));
}

function lagSamples({ count, sumSeconds, worst }: LoopLag): readonly Sample[] {
  const quantiles = labelled('quantile', LAG_QUANTILES.map((quantile) => [quantile, worst[quantile]]));
  return [...quantiles, { part: 'sum', value: sumSeconds }, { part: 'count', value: count }];
}

function* requests(http: HttpCounters): Generator<Sample> {
  for (const { route, method, statuses } of http.routes()) {
    for (const [status, value] of statuses) yield { value, labels: { route, method, status } };
  }
}

function* durations(http: HttpCounters): Generator<Sample> {
  for (const { route, method, duration } of http.routes()) {
    if (duration.count > 0) yield* histogramSamples(duration, { route, method });
  }
}

function* ofProjects({ projects }: WorkCounters, read: (counts: ProjectCounts) => readonly Sample[]): Generator<Sample> {
  for (const [project, counts] of projects.entries(OTHER_PROJECTS)) {
    const labels: Labels = { project };
    for (const sample of read(counts)) yield { ...sample, labels: { ...labels, ...sample.labels } };
  }
}
