/**
 * The events with which commands register logs that they did not see being written. Pure.
 */
import type { ProjectRestored, ServerEvent } from '../events/event.js';

/** SHA-256 of a text that is not known. */
const UNKNOWN_DIGEST = '0'.repeat(64);

/** A log in a backup. */
interface RestoredLog extends Omit<ProjectRestored, 'op'> {
  readonly first_seq: number;
  /** Whether a snapshot in place of removed lines precedes the first one. */
  readonly isAfterBase: boolean;
}

/** Says that retention removed the lines before the first one that a log has. */
export function removalBefore({ id, log_id, first_seq }: Pick<RestoredLog, 'id' | 'log_id' | 'first_seq'>): ServerEvent {
  return { op: 'segment.removed', id, log_id, first_seq: 1, last_seq: first_seq - 1, bytes: 0, sha256: UNKNOWN_DIGEST };
}

/** Says that a project was restored from a backup. */
export function eventsOfRestored({ first_seq, isAfterBase, ...facts }: RestoredLog): readonly ServerEvent[] {
  const restored = { op: 'project.restored', ...facts } as const;
  return first_seq === 1 || isAfterBase ? [restored] : [restored, removalBefore({ ...facts, first_seq })];
}
