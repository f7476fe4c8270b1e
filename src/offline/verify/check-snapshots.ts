/**
 * Checks every byte of a project's snapshots while a server may be adding and removing some.
 */
import type { Finding } from '../../base/finding.js';
import type { Disk } from '../../disk/disk.js';
import type { FilesOfProject } from '../../projections/snapshot/file-work.js';
import { SnapshotCorruptError } from '../../projections/snapshot/snapshot-errors.js';
import type { CommittedManifest } from '../../projections/snapshot/snapshot-folder.js';
import { snapshotName } from '../../projections/snapshot/snapshot-names.js';
import { snapshotsOf } from '../project-files.js';

/** What to check. */
interface SnapshotCheck {
  readonly disk: Disk;
  readonly files: FilesOfProject;
  /** Called after each piece with its size in bytes; the check continues when it resolves. */
  readonly pace?: ((sizeBytes: number) => Promise<void>) | undefined;
  readonly signal?: AbortSignal | undefined;
}

/** The result of a check. */
export interface CheckedSnapshots {
  /** Snapshots whose every byte is as written, newest first. */
  readonly sound: readonly CommittedManifest[];
  readonly findings: readonly Finding[];
  /** Bytes that were read. */
  readonly bytes: number;
}

/** Checks the snapshots of a project. */
export async function checkSnapshots({ disk, files, pace, signal }: SnapshotCheck): Promise<CheckedSnapshots> {
  const folder = snapshotsOf(disk, files);
  const sound: CommittedManifest[] = [];
  const findings: Finding[] = [];
  let bytes = 0;
  const onRead = async (sizeBytes: number): Promise<void> => {
    bytes += sizeBytes;
    await pace?.(sizeBytes);
  };
  const { committed, unreadable } = await folder.list();
  for (const { seq, name, error } of unreadable) {
    const file = `${files.project}/${name}`;
    if (error instanceof SnapshotCorruptError) {
      const { offset, expected, found } = error;
      findings.push({ file, offset, seq, expected, found, kind: 'snapshot' });
    } else {
      findings.push({ file, offset: 0, seq, expected: 'a manifest of a known format', found: error.message, kind: 'newer_format' });
    }
  }
  for (const manifest of committed) {
    try {
      refuseForeign(manifest, files);
      await folder.verify(manifest, { onRead, signal });
      sound.push(manifest);
    } catch (error) {
      if (!(error instanceof SnapshotCorruptError)) throw error;
      // A snapshot that a server removed in the meantime has lost its manifest; its missing files are no damage.
      const isThere = (await folder.list()).committed.some(({ seq }) => seq === manifest.seq);
      const { file, offset, expected, found } = error;
      if (isThere) findings.push({ file: `${files.project}/${file}`, offset, seq: manifest.seq, expected, found, kind: 'snapshot' });
    }
  }
  return { sound, findings, bytes };
}

function refuseForeign(manifest: CommittedManifest, { project, logId }: FilesOfProject): void {
  const place = { file: snapshotName(manifest.seq, 'manifest'), offset: 0 };
  if (manifest.project !== project) throw new SnapshotCorruptError(place, `project ${project}`, `project ${manifest.project}`);
  if (manifest.logId !== logId) throw new SnapshotCorruptError(place, `log_id ${logId}`, `log_id ${manifest.logId}`);
}
