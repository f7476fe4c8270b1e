/**
 * Compares a snapshot that was built from files with the live project that it is of, before it is committed.
 */
import type { BuiltGeneration } from '../../projections/snapshot/file-work.js';
import type { StorePoint } from '../../store/project-store.js';

/** The built snapshot differs from the live project: none of it is used. */
export class SnapshotMismatchError extends Error {
  override readonly name = 'SnapshotMismatchError';

  constructor(what: string, expected: string | number, found: string | number) {
    super(`Cannot use the snapshot: its ${what} is ${found}, but that of the project is ${expected}`);
  }
}

/**
 * Refuses a snapshot that differs.
 *
 * @throws {SnapshotMismatchError} if it does
 */
export function refuseMismatch(point: StorePoint, built: BuiltGeneration): void {
  const facts = [
    ['key count', point.keyCount, built.keyCount],
    ['sum over keys and versions', point.keySum, built.keySum],
    ['hash', point.hash, built.hash],
  ] as const;
  for (const [what, expected, found] of facts) if (expected !== found) throw new SnapshotMismatchError(what, expected, found);
}
