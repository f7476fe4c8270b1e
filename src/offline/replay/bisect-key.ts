/**
 * Finds the first line of a log after which something holds for a key that did not hold before. Reads the log once, from the oldest state
 * that its files have; what a read at a seq would show is what counts, so a key that has expired by a line's time does not exist.
 */
import type { LogLine } from '../../log/log.js';
import type { CommittedManifest } from '../../projections/snapshot/snapshot-folder.js';
import { linesAfter, openProjectLog, type ProjectLog, snapshotsOf } from '../project-files.js';
import { FoundLine } from './found-line.js';
import { OutOfReachError } from './moment.js';
import { isVisibleAt, type KeyReading, readingAfter, readingIn } from './read-stored-key.js';
import type { LogSource } from './replay-events.js';

/** What to find. */
interface KeyBisection extends LogSource {
  readonly key: string;
  /**
   * Tells whether it holds. Called with a value's JSON text, token for token, with null for a value that was erased, or with undefined
   * for a key that does not exist.
   */
  readonly holds: (value: string | null | undefined) => boolean;
}

/** What was found. */
export interface BisectedKey {
  /** Undefined if there is no such line. */
  readonly line: FoundLine | undefined;
  /** Whether the line does not concern the key, which has expired by its time. */
  readonly hasExpired: boolean;
  /** The seq of the state that the search began with; 0 for the empty one. */
  readonly fromSeq: number;
  /** Whether it held in that state. */
  readonly heldAtStart: boolean;
}

/**
 * Finds the line.
 *
 * @throws {OutOfReachError} when the beginning of the log is gone and no snapshot covers it
 * @throws {LogCorruptError} when a line is damaged
 * @throws {SnapshotCorruptError} when the snapshot to begin with is damaged
 */
export async function bisectKey(bisection: KeyBisection): Promise<BisectedKey> {
  const { disk, dataFolder, project, key, holds, signal } = bisection;
  const log = await openProjectLog(disk, { dataFolder, project });
  const start = await oldestState(bisection, log);
  let reading = start && (await readingIn(bisection, log, start, key));
  const valueAt = (timeMs: number, at: KeyReading | undefined): string | null | undefined => {
    if (!isVisibleAt(at, timeMs)) return undefined;
    return at?.isErased === true ? null : at?.value;
  };
  const heldAtStart = holds(valueAt(start?.timeMs ?? 0, reading));
  let didHold = heldAtStart;
  const beginning = { fromSeq: start?.seq ?? 0, heldAtStart, hasExpired: false };
  for await (const group of linesAfter(log, start, await log.files.lastSeq(), signal)) {
    for (const line of group) {
      const next = readingAfter(line, key, reading);
      const hasExpired = next === reading && hasExpiredBy(reading, line);
      if (next === reading && !hasExpired) continue;
      reading = next;
      const doesHold = holds(valueAt(line.timeMs, reading));
      if (doesHold && !didHold) return { ...beginning, line: new FoundLine(line, { key }), hasExpired };
      didHold = doesHold;
    }
  }
  return { line: undefined, ...beginning };
}

function hasExpiredBy(reading: KeyReading | undefined, { timeMs }: LogLine): boolean {
  return reading?.value !== undefined && !isVisibleAt(reading, timeMs);
}

/** Undefined for a log that begins with its project. */
async function oldestState({ disk, dataFolder, project }: LogSource, log: ProjectLog): Promise<CommittedManifest | undefined> {
  if (log.firstSeq === 1) return undefined;
  const { committed } = await snapshotsOf(disk, { dataFolder, project }).list();
  const oldest = committed.findLast(({ logId, seq }) => logId === log.files.logId && seq >= log.firstSeq - 1);
  if (oldest !== undefined) return oldest;
  const why = `its log begins with seq ${log.firstSeq}, and no snapshot covers the time before`;
  throw new OutOfReachError(`search the log of "${project}"`, 'before', why);
}
