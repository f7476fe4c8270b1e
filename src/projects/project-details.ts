/**
 * Details of projects, for clients that are authorized to see them: no API keys, no hashes.
 */
import type { LogState } from '../log/log.js';
import type { RefusalCode, RegisteredProject } from '../store/project-table.js';
import type { ProjectStore } from '../store/project-store.js';
import type { ProjectDetails, ServingState } from './projects.js';

const STATE_OF_LOG: Readonly<Record<LogState, ServingState>> = {
  writable: 'serving',
  read_only: 'read_only',
  failed: 'log_failed',
  closed: 'log_failed',
};

const STATE_OF_REFUSAL: Readonly<Record<RefusalCode, ServingState>> = {
  project_corrupt: 'corrupt',
  project_missing: 'missing',
  project_outdated: 'outdated',
  project_newer_format: 'newer_format',
};

/** Describes a project. */
export function describeProject(project: RegisteredProject): ProjectDetails {
  if (project.kind === 'served') return describeStore(project.store);
  const { id, settings, code } = project.project;
  const contents = { seq: 0, key_count: 0, value_bytes: 0, log_id: null };
  return { id, ...settings, created_at: null, updated_at: null, ...contents, state: STATE_OF_REFUSAL[code] };
}

/** Describes a served project. */
export function describeStore(store: ProjectStore): ProjectDetails {
  return {
    id: store.id,
    storage: store.settings.storage,
    authentication: store.settings.authentication,
    quota: store.settings.quota,
    created_at: new Date(store.createdAtMs).toISOString(),
    updated_at: new Date(store.version.timeMs).toISOString(),
    seq: store.seq,
    key_count: store.values.count,
    value_bytes: store.values.valueBytes,
    log_id: store.logId,
    state: STATE_OF_LOG[store.logState],
  };
}
