/** Puts one kind of load on one server for a while, and says what it did and what it cost the server's process. */
import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import autocannon, { type Request } from 'autocannon';
import { KEYS_PATH, type RunningServer } from './server-process.js';

const KEY_COUNT = 1_000;
const VALUE_BYTES = 200;
const MICROSECONDS_PER_SECOND = 1_000_000;

/** What is measured. */
export type LoadKind = 'GET' | 'PUT';

/** How much load. */
export interface LoadOptions {
  /** Connections that each wait for an answer before they ask again. */
  readonly connections: number;
  /** Seconds. */
  readonly seconds: number;
}

/** What one load showed. */
export interface LoadResult {
  /** Requests a second. */
  readonly rate: number;
  /** Microseconds that the server's process was on a CPU, user and system together, for each request. */
  readonly cpuUsPerRequest: number;
  /** Milliseconds within which 99 of 100 answers came. */
  readonly latencyP99Ms: number;
}

/** Told in one line: what every load consists of. */
export const LOAD_DESCRIPTION = `${KEY_COUNT} keys, values of ${VALUE_BYTES} bytes`;

const REQUESTS: Readonly<Record<LoadKind, readonly Request[]>> = {
  GET: keyPaths().map((path) => ({ method: 'GET', path })),
  // A JSON string: its quotes are two of the bytes.
  PUT: keyPaths().map((path) => ({ method: 'PUT', path, body: `"${'v'.repeat(VALUE_BYTES - 2)}"` })),
};

/**
 * Stores every key once, so that GET finds them all.
 *
 * @param server The server
 */
export async function fill(server: RunningServer): Promise<void> {
  for (const { path, body } of REQUESTS.PUT) {
    const response = await fetch(server.url + path, { method: 'PUT', headers: headersOf(server), body: body ?? null });
    if (!response.ok) throw new Error(`Cannot fill ${server.name}: ${response.status} ${await response.text()}`);
    await response.arrayBuffer();
  }
}

/**
 * Runs one load.
 *
 * @param server The server
 * @param kind What is asked
 * @param options How much
 * @returns What it did and what it cost
 * @throws {Error} When any answer was not a success: a faster refusal is no result
 */
export async function runLoad(server: RunningServer, kind: LoadKind, options: LoadOptions): Promise<LoadResult> {
  const cpuBeforeUs = cpuTimeUs(server.pid);
  const result = await autocannon({
    url: server.url, connections: options.connections, duration: options.seconds,
    headers: headersOf(server), requests: REQUESTS[kind],
  });
  const cpuUs = cpuTimeUs(server.pid) - cpuBeforeUs;
  const { non2xx, errors, timeouts } = result;
  if (non2xx + errors + timeouts > 0) {
    throw new Error(`Cannot use this load of ${kind} on ${server.name}: ${non2xx} refusals, ${errors} errors, ${timeouts} timeouts`);
  }
  return {
    rate: result.requests.total / result.duration,
    cpuUsPerRequest: cpuUs / result.requests.total,
    latencyP99Ms: result.latency.p99,
  };
}

function headersOf(server: RunningServer): Record<string, string> {
  return { ...server.headers, 'content-type': 'application/json' };
}

function keyPaths(): string[] {
  return Array.from({ length: KEY_COUNT }, (_, index) => `${KEYS_PATH}key-${String(index).padStart(4, '0')}`);
}

/** All threads of the process; the kernel counts in ticks, usually of 10 ms. */
function cpuTimeUs(pid: number): number {
  const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
  // The second field is the name in parentheses, and may hold blanks; utime and stime are fields 14 and 15.
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
  return ((Number(fields[11]) + Number(fields[12])) * MICROSECONDS_PER_SECOND) / ticksPerSecond();
}

let knownTicksPerSecond = 0;

function ticksPerSecond(): number {
  knownTicksPerSecond ||= Number(execFileSync('getconf', ['CLK_TCK'], { encoding: 'utf8' }));
  return knownTicksPerSecond;
}
