/**
 * What a project amounted to at any point of its log, from files alone: the newest snapshot before that point, and the lines
 * after it, each checked. However large the project is, memory is not.
 */
import { join } from 'node:path';
import type { Disk } from '../disk/disk.js';
import { LogCorruptError } from '../log/log-errors.js';
import type { LogLine, LogPosition } from '../log/log.js';
import type { CommittedManifest } from '../projections/snapshot/snapshot-folder.js';
import { SnapshotCorruptError } from '../projections/snapshot/snapshot-errors.js';
import { snapshotName } from '../projections/snapshot/snapshot-names.js';
import { isBehind, type Moment, momentText } from './moment.js';
import { openProjectLines, type ProjectLines } from './project-lines.js';
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

/** The log does not reach where it was asked for, or does not begin early enough. */
export class OutOfReachError extends Error {
  override readonly name = 'OutOfReachError';
}

/**
 * Builds the state at a point of a log.
 *
 * @param options what, up to where
 * @returns the state
 * @throws {OutOfReachError} when that point is not in the log, or what came before it is not there
 * @throws {LogCorruptError} when a line on the way is damaged
 */
export async function replayState(options: ReplayOptions): Promise<ReplayedState> {
  const { disk, dataFolder, project, until } = options;
  const log = await openProjectLines(disk, { dataFolder, project });
  const { committed } = await snapshotsOf(disk, { dataFolder, project }).list();
  const own = committed.filter(({ logId, seq }) => logId === log.files.logId && seq >= log.before.seq);
  const usable: (CommittedManifest | undefined)[] = own.filter((manifest) => !isBehind(manifest, until));
  if (log.before.seq === 0) usable.push(undefined);
  for (const previous of usable) {
    try {
      return await replayFrom(options, log, previous);
    } catch (error) {
      // It is damaged: the one before it, or the whole log, leads to the same point.
      if (!(error instanceof SnapshotCorruptError) || previous === usable.at(-1)) throw error;
    }
  }
  throw new OutOfReachError(
    `Cannot replay "${project}" up to ${momentText(until)}: its log begins with seq ${log.before.seq + 1}, ` +
      'and no snapshot holds what came before',
  );
}

async function replayFrom(options: ReplayOptions, log: ProjectLines, previous: CommittedManifest | undefined): Promise<ReplayedState> {
  const { disk, dataFolder, project, until, scratchFolder, signal } = options;
  const lastSeq = await log.files.lastSeq();
  if (until !== undefined && 'seq' in until && until.seq > lastSeq) {
    throw new OutOfReachError(`Cannot replay "${project}" up to seq ${until.seq}: its log ends with seq ${lastSeq}`);
  }
  // A name for the result; lines that a server appends meanwhile are not part of it.
  const seq = Math.max(lastSeq, previous?.seq ?? 0) + 1;
  const last = { seq: previous?.seq ?? 0 };
  const lines = linesUpTo({ log, previous, lastSeq, last }, until, signal);
  const { keyCount } = await buildState({ disk, dataFolder, project, into: scratchFolder, seq, previous, lines, signal });
  return { path: join(scratchFolder, snapshotName(seq, 'json')), seq: last.seq, keyCount };
}

/** Where lines come from, and how far they have been read. */
interface LineSource {
  readonly log: ProjectLines;
  readonly previous: CommittedManifest | undefined;
  readonly lastSeq: number;
  readonly last: { seq: number };
}

async function* linesUpTo(
  { log, previous, lastSeq, last }: LineSource, until: Moment | undefined, signal: AbortSignal | undefined,
): AsyncGenerator<readonly LogLine[]> {
  const { before, files } = log;
  if (previous !== undefined && before.seq === previous.seq) refuseOtherHistory(before, previous);
  const fromSeq = Math.max(1, previous === undefined || before.seq === previous.seq ? before.seq + 1 : previous.seq);
  // Nothing behind the moment is read: damage there does not matter.
  const toSeq = until !== undefined && 'seq' in until ? until.seq : lastSeq;
  if (fromSeq > toSeq) return;
  for await (const group of files.lines({ fromSeq, toSeq, ...(signal && { signal }) })) {
    const known = group.find(({ seq }) => seq === previous?.seq);
    if (known !== undefined && previous !== undefined) refuseOtherHistory(known, previous);
    const end = group.findIndex((line) => isBehind(line, until));
    const wanted = (end < 0 ? group : group.slice(0, end)).filter(({ seq }) => seq > last.seq);
    last.seq = wanted.at(-1)?.seq ?? last.seq;
    if (wanted.length > 0) yield wanted;
    if (end >= 0) return;
  }
}

function refuseOtherHistory(line: LogPosition, previous: CommittedManifest): void {
  if (line.hash === previous.hash) return;
  const place = { file: `${previous.project}.jsonl`, offset: 0, seq: line.seq };
  throw new LogCorruptError(place, `hash ${previous.hash} as the snapshot says`, `hash ${line.hash}`);
}
