/**
 * What is said of a project to who may see it.
 */
import type { LogState } from '../log/log.js';
import type { RefusalCode, RegisteredProject } from '../store/project-table.js';
import type { ProjectStore } from '../store/project-store.js';
import type { ProjectDetails, ProjectState } from './projects.js';

const STATE_OF_LOG: Readonly<Record<LogState, ProjectState>> = {
  writable: 'serving',
  read_only: 'read_only',
  failed: 'log_failed',
  closed: 'log_failed',
};

const STATE_OF_REFUSAL: Readonly<Record<RefusalCode, ProjectState>> = {
  project_corrupt: 'corrupt',
  project_missing: 'missing',
  project_outdated: 'outdated',
  project_newer_format: 'newer_format',
};

/**
 * Describes a project.
 *
 * @returns its details, without keys and hashes
 */
export function describeProject(project: RegisteredProject): ProjectDetails {
  if (project.kind === 'served') return describeStore(project.store);
  const { id, settings, code } = project.project;
  return { id, ...settings, created_at: null, updated_at: null, seq: 0, key_count: 0, log_id: null, state: STATE_OF_REFUSAL[code] };
}

/**
 * Describes a project that is served.
 *
 * @returns its details, without keys and hashes
 */
export function describeStore(store: ProjectStore): ProjectDetails {
  return {
    id: store.id,
    storage: store.settings.storage,
    authentication: store.settings.authentication,
    created_at: new Date(store.createdAtMs).toISOString(),
    updated_at: new Date(store.version.timeMs).toISOString(),
    seq: store.seq,
    key_count: store.values.count,
    log_id: store.logId,
    state: STATE_OF_LOG[store.logState],
  };
}
