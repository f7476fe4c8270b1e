/**
 * Moves out of the way, at a start, what earlier deletions and departures from the disk left under their old names. Files that cannot be
 * moved stay where they are, named in the server log and counted by readiness: they must not keep other projects from being served.
 */
import { logFailure } from '../base/log-failure.js';
import type { ProjectResources } from './project-resources.js';
import { adviceOnUnmoved } from './refusal.js';
import type { ServerJournal } from './server-journal.js';
import { LEFT_FILES_STAY } from './storage-switch.js';
import type { UnmovedFiles } from './unmoved-files.js';

const DELETED_FILES_STAY = 'the files of a deleted project could not be moved out of the way; the next start tries again';

/** Finishes what deletions and departures have left half-way. */
export async function finishRemovals(resources: ProjectResources, journal: ServerJournal, unmoved: UnmovedFiles): Promise<void> {
  const { dataFolder, diskHome, logger } = resources;
  const { deletedLogs: deleted, leftLogs, liveLogs: live } = journal.registrations;
  const advice = { folder: dataFolder, what_to_do: adviceOnUnmoved(dataFolder) };
  // A damaged registry cannot say what is live.
  const failures = journal.isCorrupt ? [] : await diskHome.finishRemovals({ deleted, live });
  for (const { project, logId, error } of failures) {
    unmoved.remember(project);
    logger.warn({ project, log_id: logId, err: error, ...advice }, DELETED_FILES_STAY);
  }
  for (const [logId, id] of leftLogs) {
    // Whatever went on in memory since then is gone with the last stop, and the files are what is left of before.
    if (live.has(id)) continue;
    await unmoved.leave(id, logId).catch(logFailure(logger, 'error', { project: id, log_id: logId, ...advice }, LEFT_FILES_STAY));
  }
}
