/**
 * Whether the server can do its work, from the states of its projects.
 */
import type { ProjectDetails, Readiness, ReadinessCheck } from './projects.js';
import type { ServerLogState } from './server-journal.js';

const NOTHING_RECORDED = 'no project can be created, deleted or given another key';

const SERVER_LOG_DETAILS: Readonly<Record<ServerLogState, string>> = {
  writable: 'sound',
  read_only: `the disk is full: ${NOTHING_RECORDED}`,
  failed: `failed until the server is started again: ${NOTHING_RECORDED}`,
  closed: 'closed',
  damaged: `damaged: ${NOTHING_RECORDED}`,
};

/**
 * Assesses readiness: not ready only when there are projects and none of them can write.
 *
 * @param projects all projects
 * @param serverLog how the server's own log stands
 * @returns the checks, and who is not well
 */
export function assessReadiness(projects: readonly ProjectDetails[], serverLog: ServerLogState): Readiness {
  const degraded = projects.filter(({ state }) => state !== 'serving').map(({ id, state }) => ({ id, state }));
  const writable = projects.length - degraded.length;
  const ready = projects.length === 0 || writable > 0;
  const checks: ReadinessCheck[] = [
    { name: 'projects', ok: degraded.length === 0, detail: `${writable} of ${projects.length} projects can write` },
    { name: 'server_log', ok: serverLog === 'writable', detail: SERVER_LOG_DETAILS[serverLog] },
  ];
  return { ready, checks, degraded };
}
