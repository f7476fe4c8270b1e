/**
 * Looking up in the log what a project was at an old revision, where its snapshot does not hold that any more.
 */
import { logFailure } from '../base/log-failure.js';
import type { Logger } from '../base/logger.js';
import { type HistoryGap, isInGap, type ProjectVersion } from '../config/project-history.js';
import { decodeEvent } from '../events/codec.js';
import type { Log } from '../log/log.js';
import type { ProjectStateProjection } from '../projections/project-state.js';

/** Where an old version is looked up. */
export interface RecallPlace {
  readonly log: Log;
  readonly state: ProjectStateProjection;
  readonly logger: Logger;
}

/**
 * Finds out what the known versions of a project leave out, if an entry asks for it. Reads the log only for a revision that is
 * older than the versions that are kept.
 *
 * @returns for `historyOf`; without a recalled version where the line is gone, or is none of a project event
 */
export async function recallVersion({ log, state, logger }: RecallPlace, revision: number | undefined): Promise<HistoryGap> {
  const { isTrimmed, versions } = state;
  if (!isTrimmed || revision === undefined || !isInGap(versions, revision)) return { isTrimmed };
  const message = 'the line that an entry of the configuration names could not be read';
  const recalled = await versionOf(log, revision).catch(logFailure(logger, 'warn', { project: log.project, seq: revision }, message));
  return { isTrimmed, recalled };
}

async function versionOf(log: Log, seq: number): Promise<ProjectVersion | undefined> {
  for await (const line of log.read({ fromSeq: seq, toSeq: seq })) {
    const event = decodeEvent(line.op, line.body);
    if (line.seq === seq && 'settings' in event) return { seq, settings: event.settings, keyId: event.key_id };
  }
  return undefined;
}
