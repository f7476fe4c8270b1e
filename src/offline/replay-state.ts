/**
 * What a project amounted to at any point of its log, from files alone: the newest snapshot before that point, and the lines
 * after it, each checked. However large the project is, memory is not.
 */
import { join } from 'node:path';
import type { Disk } from '../disk/disk.js';
import type { LogLine } from '../log/log.js';
import type { CommittedManifest } from '../projections/snapshot/snapshot-folder.js';
import { SnapshotCorruptError } from '../projections/snapshot/snapshot-errors.js';
import { snapshotName } from '../projections/snapshot/snapshot-names.js';
import { isBehind, type Moment, momentText } from './moment.js';
import { OutOfReachError } from './out-of-reach.js';
import { linesAfter, openProjectLines, type ProjectLines } from './project-lines.js';
import { snapshotsOf } from './project-snapshots.js';
import { buildState } from './state-build.js';

/** What is replayed, and where the result goes. */
export interface ReplayOptions {
  readonly disk: Disk;
  /** The data folder, absolute. */
  readonly dataFolder: string;
  readonly project: string;
  /** Up to where; undefined: the end of the log. */
  readonly until: Moment | undefined;
  /** Where the result is built, absolute; must be there. Not in the data folder. */
  readonly scratchFolder: string;
  readonly signal?: AbortSignal | undefined;
}

/** A state as a file. */
export interface ReplayedState {
  /** The plain map of keys and values, as `<project>.json` has it; in the scratch folder. */
  readonly path: string;
  /** The last event in it. */
  readonly seq: number;
  readonly keyCount: number;
}

/**
 * Builds the state at a point of a log.
 *
 * @throws {OutOfReachError} when that point is not in the log, or what came before it is not there
 * @throws {LogCorruptError} when a line on the way is damaged
 */
export async function replayState(options: ReplayOptions): Promise<ReplayedState> {
  const { disk, dataFolder, project, until } = options;
  const log = await openProjectLines(disk, { dataFolder, project });
  const { committed } = await snapshotsOf(disk, { dataFolder, project }).list();
  const own = committed.filter(({ logId, seq }) => logId === log.files.logId && seq >= log.firstSeq - 1);
  const usable: (CommittedManifest | undefined)[] = own.filter((manifest) => !isBehind(manifest, until));
  if (log.firstSeq === 1) usable.push(undefined);
  for (const previous of usable) {
    try {
      return await replayFrom(options, log, previous);
    } catch (error) {
      // It is damaged: the one before it, or the whole log, leads to the same point.
      if (!(error instanceof SnapshotCorruptError) || previous === usable.at(-1)) throw error;
    }
  }
  const why = `its log begins with seq ${log.firstSeq}, and no snapshot holds what came before`;
  throw new OutOfReachError(`replay "${project}" up to ${momentText(until)}`, 'before', why);
}

async function replayFrom(options: ReplayOptions, log: ProjectLines, previous: CommittedManifest | undefined): Promise<ReplayedState> {
  const { disk, dataFolder, project, until, scratchFolder, signal } = options;
  const lastSeq = await log.files.lastSeq();
  if (until !== undefined && 'seq' in until && until.seq > lastSeq) {
    throw new OutOfReachError(`replay "${project}" up to seq ${until.seq}`, 'after', `its log ends with seq ${lastSeq}`);
  }
  // A name for the result; lines that a server appends meanwhile are not part of it.
  const seq = Math.max(lastSeq, previous?.seq ?? 0) + 1;
  const last = { seq: previous?.seq ?? 0 };
  // Nothing behind the moment is read: damage there does not matter.
  const toSeq = until !== undefined && 'seq' in until ? until.seq : lastSeq;
  const lines = linesUpTo(linesAfter(log, previous, { toSeq, signal }), until, last);
  const { keyCount } = await buildState({ disk, dataFolder, project, into: scratchFolder, seq, previous, lines, signal });
  return { path: join(scratchFolder, snapshotName(seq, 'json')), seq: last.seq, keyCount };
}

/** The lines that come before a moment; `last` follows them. */
async function* linesUpTo(
  lines: AsyncIterable<readonly LogLine[]>, until: Moment | undefined, last: { seq: number },
): AsyncGenerator<readonly LogLine[]> {
  for await (const group of lines) {
    const end = group.findIndex((line) => isBehind(line, until));
    const wanted = end < 0 ? group : group.slice(0, end);
    last.seq = wanted.at(-1)?.seq ?? last.seq;
    yield wanted;
    if (end >= 0) return;
  }
}
