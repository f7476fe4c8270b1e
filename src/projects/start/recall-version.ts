/**
 * Looks up an old version of a project in its log, if its snapshot no longer holds that version.
 */
import { logFailure } from '../../base/log-failure.js';
import type { Logger } from '../../base/logger.js';
import { type HistoryGap, isInGap, type SettingsVersion } from '../../config/project-history.js';
import { decodeLineEvent } from '../../events/codec.js';
import type { AnyEvent } from '../../events/event.js';
import type { Log } from '../../log/log.js';
import type { ProjectStateProjection } from '../../projections/project-state.js';

/** Reads single lines of a project. */
export interface EventReader {
  readonly project: string;
  /** @returns the event of that seq, undefined if the line is gone */
  eventAt(seq: number): Promise<AnyEvent | undefined>;
}

/** Returns a reader of a log that is not served yet. */
export function readerOf(log: Log): EventReader {
  return {
    project: log.project,
    eventAt: async (seq) => {
      for await (const line of log.read({ fromSeq: seq, toSeq: seq })) if (line.seq === seq) return decodeLineEvent(line);
      return undefined;
    },
  };
}

/**
 * Finds the version of a revision that the kept versions leave out. Reads the log only for a revision older than those.
 *
 * @param revision the revision of the entry
 * @returns the gap, for `historyOf`; without a version if the line is gone or has no project event
 */
export async function recallVersion(
  reader: EventReader, { isTrimmed, versions }: ProjectStateProjection, revision: number | undefined, logger: Logger,
): Promise<HistoryGap> {
  if (!isTrimmed || revision === undefined || !isInGap(versions, revision)) return { isTrimmed };
  const message = 'the line that an entry of the configuration names could not be read';
  const recalled = await versionOf(reader, revision).catch(logFailure(logger, 'warn', { project: reader.project, seq: revision }, message));
  return { isTrimmed, recalled };
}

async function versionOf(reader: EventReader, seq: number): Promise<SettingsVersion | undefined> {
  const event = await reader.eventAt(seq);
  return event !== undefined && 'settings' in event ? { seq, settings: event.settings, keyId: event.key_id } : undefined;
}
