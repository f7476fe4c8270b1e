/**
 * Writes a log that continues from a state: a base snapshot in a home of its own, and a log that begins after it. Repairs and restores
 * make it there, and move it to the data folder once it is complete.
 */
import { invariant } from '../base/invariant.js';
import type { Logger } from '../base/logger.js';
import { randomHexId } from '../base/random-id.js';
import type { Disk } from '../disk/disk.js';
import { FileHome } from '../log/file/file-home.js';
import type { LogLine, LogPosition } from '../log/log.js';
import type { ProjectStateProjection } from '../projections/project-state.js';
import type { KeptRecords } from '../projections/requests/request-records.js';
import type { SnapshotData, SnapshotManifest } from '../projections/snapshot/snapshot.js';
import { projectEventOf, snapshotsOf } from './project-files.js';
import { OFFLINE_LOG_OPTIONS } from './registry-writer.js';

/** The last line in a state. */
interface StateEnd extends LogPosition {
  readonly timeMs: number;
}

/** What a log continues from. */
interface BasedLog {
  readonly disk: Disk;
  /** The home of the new log, absolute; has the data files of the state in the folder of the project. */
  readonly home: string;
  readonly project: string;
  readonly data: SnapshotData;
  readonly end: StateEnd;
  readonly state: ProjectStateProjection;
  /** The requests that are remembered in it. */
  readonly requests: KeptRecords;
  readonly logger: Logger;
}

/**
 * Commits the base snapshot and creates the log.
 *
 * @returns the id of the new log
 */
export async function createBasedLog({ disk, home, project, data, end, state, requests, logger }: BasedLog): Promise<string> {
  const logId = randomHexId();
  const { seq, hash, timeMs } = end;
  const snapshots = snapshotsOf(disk, { dataFolder: home, project });
  const written = await snapshots.writeRequests(seq, requests);
  const manifest = { ...data, project, logId, seq, hash, timeMs, requests: written, isBase: true, segments: [], state: state.save() };
  const digest = await snapshots.commit(manifest);
  const options = { ...OFFLINE_LOG_OPTIONS, logId, base: { seq, hash, digest } };
  const log = await new FileHome({ folder: home, disk, logger }).create(project, options);
  await log.close();
  return logId;
}

/** Passes lines on and applies each to the state. */
export async function* appliedTo(
  state: ProjectStateProjection, lines: AsyncIterable<readonly LogLine[]>,
): AsyncGenerator<readonly LogLine[]> {
  for await (const group of lines) {
    for (const line of group) {
      const { seq, timeMs, hash, actor } = line;
      state.apply({ event: projectEventOf(line), seq, timeMs, hash, actor });
    }
    yield group;
  }
}

/** What to copy, and where. */
interface SnapshotCopy {
  readonly disk: Disk;
  readonly dataFolder: string;
  readonly project: string;
  readonly snapshot: SnapshotManifest | undefined;
  /** The home of the copy, absolute, and the project that it becomes a snapshot of. */
  readonly home: string;
  readonly into: string;
  readonly signal?: AbortSignal | undefined;
}

/** Copies the keys and values of a snapshot into a generation of another log. */
export async function copySnapshot({ disk, dataFolder, project, snapshot, home, into, signal }: SnapshotCopy): Promise<SnapshotData> {
  invariant(snapshot !== undefined, 'there is a snapshot to be copied');
  const writer = await snapshotsOf(disk, { dataFolder: home, project: into }).begin(snapshot.seq);
  try {
    const entries = snapshotsOf(disk, { dataFolder, project }).readEntries(snapshot, signal && { signal });
    for await (const group of entries) await writer.addAll(group);
    return await writer.finish();
  } catch (error) {
    await writer.abandon();
    throw error;
  }
}
