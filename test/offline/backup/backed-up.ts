/** A backup of a project on a disk in memory. */
import type { BackupPlan } from '../../../src/log/fixed-log.js';
import { backupContent } from '../../../src/offline/backup/backup-content.js';
import type { FaultDisk } from '../../disk/fault-disk.js';
import { type CompactedProject, DATA } from '../../projects/compacted-project.js';

/** Where backups are put on the disk. */
export const BACKUP = '/backups/b.tar';

/** What is in a backup of one project now, with the registry of its server or a made one. */
export async function planOf({ clock, compaction, registry }: CompactedProject, isWhole = true): Promise<BackupPlan> {
  const lease = await compaction.lease();
  const plan = {
    timeMs: clock.wallMs(), registry: isWhole ? registry.extent() : undefined, projects: [lease.fix()],
    skipped: isWhole ? [{ id: 'cache', reason: 'not_on_disk' }] : [],
  };
  lease.release();
  return plan;
}

/** The bytes of a backup. */
export async function bytesOfBackup(disk: FaultDisk, plan: BackupPlan): Promise<Buffer> {
  const { pieces, sizeBytes } = await backupContent(disk, DATA, plan);
  const read: Buffer[] = [];
  for await (const piece of pieces()) read.push(Buffer.from(piece));
  const bytes = Buffer.concat(read);
  if (bytes.length !== sizeBytes) throw new Error(`The backup has ${bytes.length} bytes, and was announced with ${sizeBytes}`);
  return bytes;
}

/** Puts a backup on the disk. */
export function putBackup(disk: FaultDisk, bytes: Buffer): void {
  if (disk.tree.find('/backups') === undefined) disk.tree.makeFolder('/backups');
  disk.put(BACKUP, bytes);
}
