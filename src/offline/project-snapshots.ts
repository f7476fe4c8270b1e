/**
 * The snapshots of a project, from where its files lie.
 */
import { join } from 'node:path';
import type { Disk } from '../disk/disk.js';
import { SnapshotFolder } from '../projections/snapshot/snapshot-folder.js';
import type { FilesOfProject } from '../projections/snapshot/file-work.js';

/** Finds the snapshots of a project. Opens nothing yet. */
export function snapshotsOf(disk: Disk, { dataFolder, project }: Pick<FilesOfProject, 'dataFolder' | 'project'>): SnapshotFolder {
  return new SnapshotFolder({ disk, folder: join(dataFolder, project), readable: join(dataFolder, `${project}.json`) });
}
