/**
 * Tells whether files of a project may still have values that were redacted: since a crash or a failure came before they were erased.
 */
import type { Log } from '../log/log.js';
import type { SnapshotManifest } from '../projections/snapshot/snapshot.js';
import type { ProjectStore } from '../store/project-store.js';

/** What of a project tells whether an erasure is due. */
interface ErasureState {
  readonly store: ProjectStore;
  readonly log: Log;
}

/** Whether the snapshot that a log continues from must stay: for as long as the first line of the log. */
export function keepsBase(log: Log): boolean {
  const firstSeq = log.sealed?.list()[0]?.firstSeq;
  return log.base !== undefined && (firstSeq === undefined || firstSeq === log.base.seq + 1);
}

/**
 * Tells whether files of a project may still have values that a redaction names.
 *
 * @param generations its committed snapshots
 */
export function isErasureDue(state: ErasureState, generations: readonly SnapshotManifest[]): boolean {
  const { unfinished, newest: redaction } = state.store.redactions;
  if (redaction === undefined) return false;
  const base = baseOf(state, generations);
  return unfinished.length > 0 || (base !== undefined && isBaseDue(state, base))
    || generations.some((each) => each !== base && each.seq < redaction.seq);
}

/** Returns the snapshot that a log continues from, if it must stay. */
export function baseOf({ log }: ErasureState, generations: readonly SnapshotManifest[]): SnapshotManifest | undefined {
  return keepsBase(log) ? generations.find(({ isBase }) => isBase) : undefined;
}

/** Whether values in the base are still to be erased. One that this process made has the digest that the log was begun with. */
export function isBaseDue({ store, log }: ErasureState, base: SnapshotManifest): boolean {
  const redaction = store.redactions.newest;
  const digest = 'digest' in base ? base.digest : log.base?.digest;
  return redaction?.base !== undefined && redaction.base.old === log.base?.digest && redaction.base.new !== digest;
}
