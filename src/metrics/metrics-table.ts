/**
 * The table of metrics, one row each: what is exposed, the documentation of it and the tests all derive from the rows. Knows no value.
 */

/** What a metric is about: a section of docs/metrics.md. */
type MetricGroup = 'Server' | 'HTTP' | 'Logs' | 'Projects' | 'Background work' | 'Process';

/** One row. */
export interface MetricSpec {
  readonly type: 'counter' | 'gauge' | 'histogram' | 'summary';
  readonly group: MetricGroup;
  /** What it counts or shows, without a full stop. */
  readonly help: string;
  /** Names of its labels, of {@link LABELS}; a histogram has `le` besides, and a summary `quantile`. */
  readonly labels: readonly LabelName[];
  /**
   * For gauges of projects: what `_other` shows of the projects without series of their own, the sum, the least or the most. Counters are
   * summed.
   */
  readonly rest?: 'sum' | 'least' | 'most';
}

/** The project that stands for all without series of their own. No id begins with an underscore. */
export const OTHER_PROJECTS = '_other';

/** Every label, and what its value is. The number of values of each is bounded, and none holds a key, an API key or an address. */
export const LABELS = {
  version: 'version of the program',
  node: 'version of Node',
  format: 'newest format of a log that this program writes',
  route: 'path of the route as in the document of the API, such as `/api/v1/projects/{id}/keys/{key}`; `_none` for a request without one',
  method: 'method of the request; `other` for one that no route has',
  status: '`2xx`, `3xx`, `4xx`, `5xx`; `none` if the connection broke before an answer',
  code: 'code of a problem, as in [http-api.md](http-api.md#errors)',
  kind: 'of streams `sse`, `ndjson`, `longpoll` or `backup`; of garbage collections `minor`, `major`, `incremental` or `weakcb`',
  reason: 'why: `unknown` or `expired` API key; limited by `failed_keys`, `rate` or `derivations`',
  project: 'id of a project; `_other` for those without series of their own; `_server` for the registry',
  op: 'operation of a line of the log, as in [log-format.md](log-format.md)',
  state: 'state of a project, as its details show it',
  quota: '`max_keys` or `max_bytes`',
  outcome: '`ok`, `failed`, or `aborted` by a change of the project or by the shutdown',
} as const;

/** The name of a label. */
type LabelName = keyof typeof LABELS;

const OF_PROJECT = { group: 'Projects', labels: ['project'] } as const;

/** Metrics of this program, by name, in the order in which they are exposed. */
export const OWN_METRICS = {
  simplekv_build_info: { type: 'gauge', group: 'Server', help: 'Always 1', labels: ['version', 'node', 'format'] },
  simplekv_ready: { type: 'gauge', group: 'Server', help: '1 while /readyz answers 200', labels: [] },
  simplekv_start_duration_seconds: { type: 'gauge', group: 'Server', help: 'How long the start took', labels: [] },
  simplekv_config_reload_success: {
    type: 'gauge', group: 'Server', help: '1 if the newest load of the configuration succeeded; a start is the first load', labels: [],
  },
  simplekv_config_reload_timestamp_seconds: {
    type: 'gauge', group: 'Server', help: 'When the configuration was last loaded with success', labels: [],
  },
  simplekv_disk_free_bytes: {
    type: 'gauge', group: 'Server', help: 'Free space on the disk of the data folder; absent if the disk does not report it', labels: [],
  },
  simplekv_disk_low: { type: 'gauge', group: 'Server', help: '1 while writes that add data are refused for lack of space', labels: [] },
  simplekv_http_requests_total: { type: 'counter', group: 'HTTP', help: 'Requests that are over', labels: ['route', 'method', 'status'] },
  simplekv_http_problems_total: { type: 'counter', group: 'HTTP', help: 'Answers that were problems', labels: ['code'] },
  simplekv_http_request_duration_seconds: {
    type: 'histogram', group: 'HTTP', help: 'Time from the head of a request to the end of its answer; streams included',
    labels: ['route', 'method'],
  },
  simplekv_http_request_bytes_total: { type: 'counter', group: 'HTTP', help: 'Bytes of the bodies of requests', labels: [] },
  simplekv_http_response_bytes_total: { type: 'counter', group: 'HTTP', help: 'Bytes of the bodies of answers', labels: [] },
  simplekv_http_connections: { type: 'gauge', group: 'HTTP', help: 'Open connections', labels: [] },
  simplekv_http_streams: { type: 'gauge', group: 'HTTP', help: 'Open event streams, waiting event requests and backups', labels: ['kind'] },
  simplekv_failed_keys_total: { type: 'counter', group: 'HTTP', help: 'Requests with an API key that does not work', labels: ['reason'] },
  simplekv_throttled_total: { type: 'counter', group: 'HTTP', help: 'Requests that were answered 429 by a limit', labels: ['reason'] },
  simplekv_log_sync_duration_seconds: { type: 'histogram', group: 'Logs', help: 'Time that a sync of a log took', labels: [] },
  simplekv_log_batch_commands: { type: 'histogram', group: 'Logs', help: 'Commands decided in one turn of a project', labels: [] },
  simplekv_log_lines_total: { type: 'counter', group: 'Logs', help: 'Lines appended to logs', labels: ['project', 'op'] },
  simplekv_log_bytes_total: { type: 'counter', group: 'Logs', help: 'Bytes of these lines', labels: ['project'] },
  simplekv_log_torn_tails_total: { type: 'counter', group: 'Logs', help: 'Torn tails that were cut at the start', labels: ['project'] },
  simplekv_keys_expired_total: { type: 'counter', group: 'Logs', help: 'Keys removed because they had expired', labels: ['project'] },
  simplekv_project_keys: { type: 'gauge', ...OF_PROJECT, help: 'Keys', rest: 'sum' },
  simplekv_project_value_bytes: { type: 'gauge', ...OF_PROJECT, help: 'Size of all values', rest: 'sum' },
  simplekv_project_seq: { type: 'gauge', ...OF_PROJECT, help: 'Seq of the newest line that is applied', rest: 'sum' },
  simplekv_project_writable: { type: 'gauge', ...OF_PROJECT, help: '1 if it can be written to', rest: 'least' },
  simplekv_project_state: {
    type: 'gauge', group: 'Projects', help: '1 for the state that it is in, 0 for all others', labels: ['project', 'state'], rest: 'sum',
  },
  simplekv_project_log_file_bytes: { type: 'gauge', ...OF_PROJECT, help: 'Size of the files of its log; 0 in memory', rest: 'sum' },
  simplekv_project_log_files: { type: 'gauge', ...OF_PROJECT, help: 'Number of the files of its log; 0 in memory', rest: 'sum' },
  simplekv_project_snapshot_seq: {
    type: 'gauge', ...OF_PROJECT, help: 'Seq of the newest line in its newest snapshot; 0 without one', rest: 'sum',
  },
  simplekv_project_snapshot_timestamp_seconds: {
    type: 'gauge', ...OF_PROJECT, help: 'Time of that line; absent without a snapshot', rest: 'least',
  },
  simplekv_project_queue_commands: { type: 'gauge', ...OF_PROJECT, help: 'Changes that wait for their turn', rest: 'sum' },
  simplekv_project_queue_bytes: { type: 'gauge', ...OF_PROJECT, help: 'Size of these changes', rest: 'sum' },
  simplekv_project_quota_used_ratio: {
    type: 'gauge', group: 'Projects', help: 'Share of a quota that is used; absent without one', labels: ['project', 'quota'], rest: 'most',
  },
  simplekv_compactions_total: { type: 'counter', group: 'Background work', help: 'Compactions that ended', labels: ['project', 'outcome'] },
  simplekv_compaction_duration_seconds: {
    type: 'histogram', group: 'Background work', help: 'Time that a compaction took that did not fail', labels: [],
  },
  simplekv_scrub_bytes_total: { type: 'counter', group: 'Background work', help: 'Bytes of files that the scrub read', labels: [] },
  simplekv_scrub_faults_total: { type: 'counter', group: 'Background work', help: 'Faults that the scrub found', labels: [] },
  nodejs_eventloop_lag_seconds: {
    type: 'summary', group: 'Process', help: 'How late the event loop was; quantiles are of the worst 5 s of the last minute', labels: [],
  },
} as const satisfies Readonly<Record<string, MetricSpec>>;

/** The name of a metric of this program. */
export type OwnMetricName = keyof typeof OWN_METRICS;

const OF_PROCESS = { group: 'Process', labels: [] } as const;

/** Metrics that `prom-client` brings, by name. What else it has is left out. */
export const PROCESS_METRICS = {
  process_cpu_user_seconds_total: { type: 'counter', ...OF_PROCESS, help: 'CPU time in the program, all threads together' },
  process_cpu_system_seconds_total: { type: 'counter', ...OF_PROCESS, help: 'CPU time in the system for it' },
  process_cpu_seconds_total: { type: 'counter', ...OF_PROCESS, help: 'The sum of the two' },
  process_start_time_seconds: { type: 'gauge', ...OF_PROCESS, help: 'When the process was started' },
  process_resident_memory_bytes: { type: 'gauge', ...OF_PROCESS, help: 'Resident memory' },
  process_open_fds: { type: 'gauge', ...OF_PROCESS, help: 'Open file descriptors' },
  process_max_fds: { type: 'gauge', ...OF_PROCESS, help: 'Limit of open file descriptors' },
  nodejs_heap_size_total_bytes: { type: 'gauge', ...OF_PROCESS, help: 'Size of the JavaScript heap' },
  nodejs_heap_size_used_bytes: { type: 'gauge', ...OF_PROCESS, help: 'The part of it that is used' },
  nodejs_external_memory_bytes: { type: 'gauge', ...OF_PROCESS, help: 'Memory of buffers, outside of the heap' },
  nodejs_gc_duration_seconds: { type: 'histogram', group: 'Process', help: 'Time that garbage collections took', labels: ['kind'] },
} as const satisfies Readonly<Record<string, MetricSpec>>;

/** Every metric, by name. */
export const METRICS: Readonly<Record<string, MetricSpec>> = { ...OWN_METRICS, ...PROCESS_METRICS };
