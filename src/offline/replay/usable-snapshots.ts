/**
 * Starts a replay from the newest snapshot that is of use, or from the first line.
 */
import type { Disk } from '../../disk/disk.js';
import { SnapshotCorruptError } from '../../projections/snapshot/snapshot-errors.js';
import type { CommittedManifest } from '../../projections/snapshot/snapshot-folder.js';
import { type ProjectLog, snapshotsOf } from '../project-files.js';
import { isBehind, type Moment, momentText, OutOfReachError } from './moment.js';

/** The project, and the moment that no snapshot may be behind. */
interface StartOptions {
  readonly disk: Disk;
  /** The data folder, absolute. */
  readonly dataFolder: string;
  readonly project: string;
  /** Undefined: the end of the log. */
  readonly until: Moment | undefined;
}

/**
 * Calls `work` with the newest snapshot before a moment; if that turns out to be damaged, again with the one before it, at last with none.
 *
 * @param work `previous` is undefined if it has to read the whole log; does nothing that a second call cannot repeat
 * @throws {OutOfReachError} when the beginning of the log is gone and no snapshot covers it
 */
export async function fromUsableSnapshot<T>(
  { disk, dataFolder, project, until }: StartOptions, log: ProjectLog, work: (previous: CommittedManifest | undefined) => Promise<T>,
): Promise<T> {
  const { committed } = await snapshotsOf(disk, { dataFolder, project }).list();
  const own = committed.filter(({ logId, seq }) => logId === log.files.logId && seq >= log.firstSeq - 1);
  const usable: (CommittedManifest | undefined)[] = own.filter((manifest) => !isBehind(manifest, until));
  if (log.firstSeq === 1) usable.push(undefined);
  for (const previous of usable) {
    try {
      return await work(previous);
    } catch (error) {
      // Damaged: the snapshot before it, or the whole log, leads to the same state.
      if (!(error instanceof SnapshotCorruptError) || previous === usable.at(-1)) throw error;
    }
  }
  const why = `its log begins with seq ${log.firstSeq}, and no snapshot covers the time before`;
  throw new OutOfReachError(`replay "${project}" up to ${momentText(until)}`, 'before', why);
}
