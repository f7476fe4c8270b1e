/**
 * Completes at startup the removals that earlier deletions and moves to memory left unfinished. Files that cannot be moved stay where they
 * are, are logged, and are counted by readiness: they must not prevent other projects from being served.
 */
import { logFailure } from '../../base/log-failure.js';
import { LEFT_FILES_STAY } from '../changes/move-to-memory.js';
import type { ProjectServices } from '../project-resources.js';
import { adviceOnUnmoved } from '../refusal.js';

const DELETED_FILES_STAY = 'the files of a deleted project could not be moved out of the way; the next startup retries';

/** Completes unfinished removals. */
export async function finishRemovals({ dataFolder, diskHome, registry, maintenance, logger }: ProjectServices): Promise<void> {
  const { deletedLogs: deleted, leftLogs, liveLogs: live } = registry.registrations;
  const { unmoved } = maintenance;
  const advice = { folder: dataFolder, what_to_do: adviceOnUnmoved(dataFolder) };
  // A damaged registry does not know which logs are live.
  const failures = registry.isCorrupt ? [] : await diskHome.finishRemovals({ deleted, live });
  for (const { project, logId, error } of failures) {
    unmoved.remember(project);
    logger.warn({ project, log_id: logId, err: error, ...advice }, DELETED_FILES_STAY);
  }
  for (const [logId, id] of leftLogs) {
    // Changes made in memory since then ended with the last shutdown; these files are the older state.
    if (live.has(id)) continue;
    await unmoved.leave(id, logId).catch(logFailure(logger, 'error', { project: id, log_id: logId, ...advice }, LEFT_FILES_STAY));
  }
}
