/**
 * Checks every byte of the snapshots of a project, while a server may be making new ones and removing old ones.
 */
import type { Finding } from '../base/finding.js';
import type { Disk } from '../disk/disk.js';
import type { CommittedManifest } from '../projections/snapshot/snapshot-folder.js';
import { SnapshotCorruptError } from '../projections/snapshot/snapshot-errors.js';
import { snapshotName } from '../projections/snapshot/snapshot-names.js';
import { snapshotsOf } from './project-snapshots.js';
import type { FilesOfProject } from '../projections/snapshot/file-work.js';

/** What is checked, and who holds it back and ends it. */
export interface SnapshotCheck {
  readonly disk: Disk;
  readonly files: FilesOfProject;
  /** Called after each piece with its size in bytes; the check goes on when it resolves. */
  readonly pace?: ((sizeBytes: number) => Promise<void>) | undefined;
  readonly signal?: AbortSignal | undefined;
}

/** What was found. */
export interface CheckedSnapshots {
  /** Those whose every byte is as it was written, newest first. */
  readonly sound: readonly CommittedManifest[];
  readonly findings: readonly Finding[];
  /** Bytes that were read. */
  readonly bytes: number;
}

/**
 * Checks the snapshots of a project.
 *
 * @returns the sound ones, and what is wrong with the others
 */
export async function checkSnapshots({ disk, files, pace, signal }: SnapshotCheck): Promise<CheckedSnapshots> {
  const folder = snapshotsOf(disk, files);
  const sound: CommittedManifest[] = [];
  const findings: Finding[] = [];
  let bytes = 0;
  const { committed, unreadable } = await folder.list();
  for (const { seq, name, error } of unreadable) {
    const file = `${files.project}/${name}`;
    if (error instanceof SnapshotCorruptError) {
      const { offset, expected, found } = error;
      findings.push({ file, offset, seq, expected, found, kind: 'snapshot' });
    } else {
      const expected = 'a manifest of a format that is known';
      findings.push({ file, offset: 0, seq, expected, found: error.message, kind: 'newer_format' });
    }
  }
  for (const manifest of committed) {
    try {
      refuseForeign(manifest, files);
      const count = async (sizeBytes: number): Promise<void> => {
        bytes += sizeBytes;
        await pace?.(sizeBytes);
      };
      await folder.verify(manifest, { pace: count, signal });
      sound.push(manifest);
    } catch (error) {
      if (!(error instanceof SnapshotCorruptError)) throw error;
      // One that was removed meanwhile has no manifest any more, and what is gone of it is no loss.
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
