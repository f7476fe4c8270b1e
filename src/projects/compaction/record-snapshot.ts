/**
 * Records a committed snapshot in the registry and in the server log.
 */
import { logFailure } from '../../base/log-failure.js';
import type { SnapshotManifest } from '../../projections/snapshot/snapshot.js';
import type { CommandContext } from '../../store/command.js';
import type { CompactionParts } from './project-compaction.js';

/** A snapshot that was made. */
interface MadeSnapshot {
  readonly manifest: SnapshotManifest;
  readonly durationMs: number;
}

/** Records a snapshot. For audit only: one that cannot be recorded still counts. */
export async function recordSnapshot(
  { registry, logger }: Pick<CompactionParts, 'registry' | 'logger'>, { manifest, durationMs }: MadeSnapshot, context: CommandContext,
): Promise<void> {
  const { project: id, logId, seq, keyCount, json } = manifest;
  const sizes = { bytes: json.sizeBytes, sha256: json.sha256, duration_ms: durationMs };
  logger.info({ project: id, seq, key_count: keyCount, ...sizes }, 'a snapshot was committed');
  if (registry.isCorrupt) return;
  await registry.record({ op: 'snapshot.committed', id, log_id: logId, last_seq: seq, key_count: keyCount, ...sizes }, context)
    .catch(logFailure(logger, 'warn', { project: id }, 'a snapshot could not be recorded in the registry'));
}
