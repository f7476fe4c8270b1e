/**
 * Looks up an old version of a project in its log, if its snapshot no longer holds that version.
 */
import { logFailure } from '../../base/log-failure.js';
import type { Logger } from '../../base/logger.js';
import { type HistoryGap, isInGap, type SettingsVersion } from '../../config/project-history.js';
import { decodeEvent } from '../../events/codec.js';
import type { Log } from '../../log/log.js';
import type { ProjectStateProjection } from '../../projections/project-state.js';

/**
 * Finds the version of a revision that the kept versions leave out. Reads the log only for a revision older than those.
 *
 * @param revision the revision of the entry
 * @returns the gap, for `historyOf`; without a version if the line is gone or has no project event
 */
export async function recallVersion(
  log: Log, { isTrimmed, versions }: ProjectStateProjection, revision: number | undefined, logger: Logger,
): Promise<HistoryGap> {
  if (!isTrimmed || revision === undefined || !isInGap(versions, revision)) return { isTrimmed };
  const message = 'the line that an entry of the configuration names could not be read';
  const recalled = await versionOf(log, revision).catch(logFailure(logger, 'warn', { project: log.project, seq: revision }, message));
  return { isTrimmed, recalled };
}

async function versionOf(log: Log, seq: number): Promise<SettingsVersion | undefined> {
  for await (const line of log.read({ fromSeq: seq, toSeq: seq })) {
    const event = decodeEvent(line.op, line.body);
    if (line.seq === seq && 'settings' in event) return { seq, settings: event.settings, keyId: event.key_id };
  }
  return undefined;
}
