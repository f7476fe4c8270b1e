/**
 * The commands about a server as a whole: `status`, `limits` and `reload`.
 */
import { API_PATH } from '../../api/paths.js';
import type { LimitsJson, OwnApiKeyJson, ProjectJson, ReloadedJson, StatsJson } from '../../api/types.js';
import type { ServerReadiness } from '../../client/admin.js';
import { RemoteError } from '../remote-error.js';
import { Remote, type RemoteOptions } from '../remote.js';
import type { RunContext } from '../run-command.js';
import { type FormOptions, printObject } from './output-form.js';
import { sparkline } from './sparkline.js';
import { factsText } from './table.js';

/** Options of all of them. */
export interface StatusOptions extends RemoteOptions, FormOptions {}

/** What could be found out; null: not with this API key, or not from this server. */
interface Status {
  readonly url: string;
  readonly version: string | null;
  readonly readiness: ServerReadiness;
  readonly api_key: OwnApiKeyJson | null;
  readonly project: ProjectJson | null;
  readonly stats: StatsJson | null;
}

const NOTHING_ELSE = { version: null, api_key: null, project: null, stats: null } as const;

type Facts = readonly (readonly [string, string])[];

/** Columns of a sparkline. */
const SPARK_WIDTH = 60;
/** Series that count what happened in a step. */
const RATES: readonly string[] = ['requests', 'writes', 'problems_4xx', 'problems_5xx'] satisfies (keyof StatsJson['series'])[];
/** From here on a rate has no decimal. */
const WHOLE_RATE_MIN = 100;
const NOT_THERE: readonly string[] = ['not_found', 'method_not_allowed'];
const READINESS = ['status', 'projects_started', 'projects_refused', 'projects_total'] as const;

/**
 * Prints how the server is, what the API key may do, and how the project is.
 *
 * @returns whether the server is ready
 * @throws {RemoteError} when the server cannot be reached
 */
export async function showStatus(options: StatusOptions, { output, signal }: RunContext): Promise<boolean> {
  const remote = await Remote.need('show a status', options);
  const readiness = await remote.asking(signal, () => remote.admin.ready({ verbose: remote.server.key !== undefined, signal }));
  // While it starts, a server answers nothing else.
  const status = readiness.status === 'starting' ? NOTHING_ELSE : await readRest(remote, options, signal);
  const all: Status = { url: remote.server.url, readiness, ...status };
  await printObject(output, options, { object: all, text: () => textOf(all, remote.server.namedBy) });
  return readiness.isReady;
}

async function readRest(
  remote: Remote, options: StatusOptions, signal: AbortSignal,
): Promise<Omit<Status, 'url' | 'readiness'>> {
  const target = (path: string): Promise<unknown> => remote.readJson(`${API_PATH}${path}`, { signal });
  const index = (await orNull(target(''))) as { readonly version?: string } | null;
  const apiKey = remote.server.key === undefined ? null : (await orNull(target('/api-keys/self'))) as OwnApiKeyJson | null;
  const id = options.project ?? remote.server.project ?? apiKey?.project ?? undefined;
  const project = id === undefined ? null : await orNull((async () => {
    const { kv } = await remote.project(id, signal);
    return await remote.asking(signal, () => kv.details({ signal }));
  })());
  const stats = await orNull(remote.asking(signal, () => remote.admin.stats({ project: id, signal })));
  return { version: index?.version ?? null, api_key: apiKey, project, stats };
}

/** What the server refuses, or does not have, is left out of a status. */
async function orNull<T>(asked: Promise<T>): Promise<T | null> {
  try {
    return await asked;
  } catch (error) {
    if (error instanceof RemoteError && error.code !== undefined) return null;
    throw error;
  }
}

function textOf({ url, version, readiness, api_key: apiKey, project, stats }: Status, namedBy: string): string {
  const { checks = [] } = readiness;
  const facts: [string, string][] = [
    ['server', `${url} (named by ${namedBy})`], ['version', version ?? 'unknown'],
    ...READINESS.flatMap((name): [string, string][] => (
      readiness[name] === undefined ? [] : [[name.replaceAll('_', ' '), String(readiness[name])]]
    )),
    // Almost always 0, which says nothing.
    ...((readiness.degraded_count ?? 0) > 0 ? [['degraded count', String(readiness.degraded_count)] as [string, string]] : []),
    ...checks.filter(({ ok }) => !ok).map(({ name, detail }): [string, string] => [`check ${name}`, detail]),
    ...(readiness.degraded ?? []).map(({ id, state }): [string, string] => [`project ${id}`, state]),
    ['api key', apiKeyText(apiKey)],
  ];
  if (project !== null) facts.push(...projectFacts(project));
  facts.push(...(stats === null
    ? [['last hour', 'this server has no statistics for this API key'] as [string, string]]
    : statsFacts(stats)));
  return factsText(facts);
}

function apiKeyText(apiKey: OwnApiKeyJson | null): string {
  if (apiKey === null) return 'none, or refused';
  return `${apiKey.name} of ${apiKey.project ?? 'all projects'}: ${apiKey.permissions.join(', ')}`;
}

function projectFacts(project: ProjectJson): [string, string][] {
  return [
    ['project', `${project.id}: ${project.state}`], ['keys', String(project.key_count)], ['value bytes', String(project.value_bytes)],
    ['seq', String(project.seq)],
  ];
}

/** One line for each series, with its last value. What is counted in a step is shown per second. */
function statsFacts({ series, step_seconds: stepSeconds }: StatsJson): [string, string][] {
  return Object.entries<readonly (number | null)[]>(series).map(([name, samples]) => {
    const last = samples.findLast((sample) => sample !== null) ?? undefined;
    const isRate = RATES.includes(name);
    const shown = last !== undefined && isRate ? rateText(last / stepSeconds) : last;
    return [`${name.replaceAll('_', ' ')}${isRate ? ' per second' : ''}`, `${sparkline(samples, SPARK_WIDTH)} ${shown ?? '-'}`];
  });
}

function rateText(perSecond: number): string {
  return String(Number(perSecond.toFixed(perSecond >= WHOLE_RATE_MIN ? 0 : 1)));
}

/**
 * Prints what requests are limited to, and how much of its quotas a project uses.
 *
 * @returns true
 * @throws {RemoteError} when the server refuses
 */
export async function showLimits(options: StatusOptions, { output, signal }: RunContext): Promise<boolean> {
  const remote = await Remote.need('show limits', options);
  const { id, kv } = await remote.project(options.project, signal);
  const limits = await remote.asking(signal, () => kv.limits({ signal }));
  await printObject(output, options, { object: limits, text: () => factsText(limitFacts(id, limits)) });
  return true;
}

function limitFacts(id: string, { limits: { idempotency, ...limits }, quota, rate }: LimitsJson): Facts {
  return [
    ['project', id],
    ...Object.entries(limits).map(([name, value]) => [name, String(value)] as const),
    ['idempotency', `${idempotency.seconds} s, ${idempotency.entries} requests`],
    ...Object.entries(quota).map(([name, { limit, used }]) => [name, `${used} of ${limit ?? 'any number'}`] as const),
    ...Object.entries(rate).map(([name, { limit }]) => [name, String(limit ?? 'any number')] as const),
  ];
}

/**
 * Has the server read its configuration again.
 *
 * @returns true
 * @throws {RemoteError} when the server refuses, or cannot do it
 */
export async function reloadServer(
  options: StatusOptions & { readonly dryRun?: boolean }, { output, signal }: RunContext,
): Promise<boolean> {
  const remote = await Remote.need('reload', options);
  let answer: ReloadedJson;
  try {
    answer = await remote.asking(signal, () => remote.admin.reload({ dryRun: options.dryRun, signal }));
  } catch (error) {
    if (!(error instanceof RemoteError) || !NOT_THERE.includes(error.code ?? '')) throw error;
    const message = `The server at ${remote.origin} cannot reload its configuration: restart it instead`;
    throw new RemoteError(message, error.exitCode, { cause: error, code: error.code });
  }
  await printObject(output, options, { object: answer, text: () => reloadText(answer) });
  return true;
}

function reloadText({ changed, needs_restart: later, projects }: ReloadedJson): string {
  const listed = (paths: readonly string[]): string => (paths.length > 0 ? paths.join(', ') : 'nothing');
  return factsText([
    ['changed', listed(changed)], ['needs a restart', listed(later)],
    ...projects.map(({ id, outcome }) => [`project ${id}`, outcome] as const),
  ]);
}
