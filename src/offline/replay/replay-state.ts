/**
 * Rebuilds the state of a project at any point of its log from the newest snapshot before that point and the lines after it, each checked.
 * Uses bounded memory, however large the project is.
 */
import { join } from 'node:path';
import type { Disk } from '../../disk/disk.js';
import type { LogLine } from '../../log/log.js';
import type { CommittedManifest } from '../../projections/snapshot/snapshot-folder.js';
import { SnapshotCorruptError } from '../../projections/snapshot/snapshot-errors.js';
import { snapshotName } from '../../projections/snapshot/snapshot-names.js';
import { buildState } from '../build-state.js';
import { linesAfter, openProjectLog, type ProjectLog, snapshotsOf } from '../project-files.js';
import { isBehind, type Moment, momentText, OutOfReachError } from './moment.js';

/** What to replay, and where to build the result. */
interface ReplayOptions {
  readonly disk: Disk;
  /** The data folder, absolute. */
  readonly dataFolder: string;
  readonly project: string;
  /** The last moment to include; undefined: the end of the log. */
  readonly until: Moment | undefined;
  /** The folder of the result, absolute; must exist, outside the data folder. */
  readonly scratchFolder: string;
  readonly signal?: AbortSignal | undefined;
}

/** A state as a file. */
interface ReplayedState {
  /** A JSON object of keys and values, like `<project>.json`; in the scratch folder. */
  readonly path: string;
  /** The last event in it. */
  readonly seq: number;
  readonly keyCount: number;
}

/**
 * Builds the state at a point of a log.
 *
 * @throws {OutOfReachError} when the log does not reach that point, or its beginning is gone and no snapshot covers it
 * @throws {LogCorruptError} when a line is damaged
 */
export async function replayState(options: ReplayOptions): Promise<ReplayedState> {
  const { disk, dataFolder, project, until } = options;
  const log = await openProjectLog(disk, { dataFolder, project });
  const { committed } = await snapshotsOf(disk, { dataFolder, project }).list();
  const own = committed.filter(({ logId, seq }) => logId === log.files.logId && seq >= log.firstSeq - 1);
  const usable: (CommittedManifest | undefined)[] = own.filter((manifest) => !isBehind(manifest, until));
  if (log.firstSeq === 1) usable.push(undefined);
  for (const previous of usable) {
    try {
      return await replayFrom(options, log, previous);
    } catch (error) {
      // Damaged: the snapshot before it, or the whole log, leads to the same state.
      if (!(error instanceof SnapshotCorruptError) || previous === usable.at(-1)) throw error;
    }
  }
  const why = `its log begins with seq ${log.firstSeq}, and no snapshot covers the time before`;
  throw new OutOfReachError(`replay "${project}" up to ${momentText(until)}`, 'before', why);
}

async function replayFrom(options: ReplayOptions, log: ProjectLog, previous: CommittedManifest | undefined): Promise<ReplayedState> {
  const { disk, dataFolder, project, until, scratchFolder, signal } = options;
  const lastSeq = await log.files.lastSeq();
  if (until !== undefined && 'seq' in until && until.seq > lastSeq) {
    throw new OutOfReachError(`replay "${project}" up to seq ${until.seq}`, 'after', `its log ends with seq ${lastSeq}`);
  }
  // Only names the result. Lines that a server appends from now on are not part of it.
  const seq = Math.max(lastSeq, previous?.seq ?? 0) + 1;
  // Lines after the moment are not read, so damage there does not matter.
  const toSeq = until !== undefined && 'seq' in until ? until.seq : lastSeq;
  const lines = linesUpTo(linesAfter(log, previous, toSeq, signal), until);
  const { last, keyCount } = await buildState({ disk, dataFolder, project, into: scratchFolder, seq, previous, lines, signal });
  return { path: join(scratchFolder, snapshotName(seq, 'json')), seq: last?.seq ?? previous?.seq ?? 0, keyCount };
}

async function* linesUpTo(lines: AsyncIterable<readonly LogLine[]>, until: Moment | undefined): AsyncGenerator<readonly LogLine[]> {
  for await (const group of lines) {
    const end = group.findIndex((line) => isBehind(line, until));
    yield end < 0 ? group : group.slice(0, end);
    if (end >= 0) return;
  }
}
