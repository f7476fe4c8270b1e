/**
 * Whether the server can do its work, from the states of its projects.
 */
import type { ProjectDetails, Readiness, ReadinessCheck } from './projects.js';

/**
 * Assesses readiness: not ready only when there are projects and none of them can write.
 *
 * @param projects all projects
 * @param isServerLogCorrupt true when no project can be created, deleted or given another key
 * @returns the checks, and who is not well
 */
export function assessReadiness(projects: readonly ProjectDetails[], isServerLogCorrupt: boolean): Readiness {
  const degraded = projects.filter(({ state }) => state !== 'serving').map(({ id, state }) => ({ id, state }));
  const writable = projects.length - degraded.length;
  const ready = projects.length === 0 || writable > 0;
  const serverLog = isServerLogCorrupt ? 'damaged: no project can be created, deleted or given another key' : 'sound';
  const checks: ReadinessCheck[] = [
    { name: 'projects', ok: degraded.length === 0, detail: `${writable} of ${projects.length} projects can write` },
    { name: 'server_log', ok: !isServerLogCorrupt, detail: serverLog },
  ];
  return { ready, checks, degraded };
}
