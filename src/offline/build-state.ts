/**
 * Builds the state of a project at one seq from its files, as the data files of a snapshot in a folder of choice. Only reads the project's
 * own folder.
 */
import { join } from 'node:path';
import type { Disk } from '../disk/disk.js';
import { decodeSetIn } from '../events/codec.js';
import { expiryAfter, keyChangesOf, rangeOf, removesKey, setsValue } from '../events/event.js';
import { versionTag } from '../events/key-version.js';
import type { LogLine } from '../log/log.js';
import { buildSnapshot } from '../projections/snapshot/build-snapshot.js';
import type { SnapshotChange, SnapshotData, SnapshotManifest } from '../projections/snapshot/snapshot.js';
import type { ScratchForm } from '../projections/snapshot/snapshot-writer.js';
import { projectEventOf } from './project-files.js';

/** What to build from, and where. */
interface StateBuild {
  readonly disk: Disk;
  /** The data folder, absolute. */
  readonly dataFolder: string;
  readonly project: string;
  /** The folder of the result, absolute; must exist. */
  readonly into: string;
  /** Names the result; no line has a higher seq. */
  readonly seq: number;
  /** A sound generation of the project to build on; undefined: the lines begin with seq 1. */
  readonly previous: SnapshotManifest | undefined;
  /** All lines after `previous`, each checked, in groups. */
  readonly lines: AsyncIterable<readonly LogLine[]>;
  /** {@inheritDoc NewGeneration.scratch} */
  readonly scratch?: ScratchForm | undefined;
  /** True: leaves out keys that had expired by the time of the last line. @default false */
  readonly hidesExpired?: boolean;
  readonly signal?: AbortSignal | undefined;
}

/** The data files of a state. */
interface BuiltState extends SnapshotData {
  /** The last line in it; undefined if there were no lines after `previous`. */
  readonly last: LastLine | undefined;
}

type LastLine = Pick<LogLine, 'seq' | 'hash' | 'timeMs'>;

/**
 * Builds a state as the data files of a snapshot.
 *
 * @throws {SnapshotCorruptError} when the generation to build on is damaged
 * @throws {LogCorruptError} when a line is damaged
 */
export async function buildState(build: StateBuild): Promise<BuiltState> {
  const { disk, dataFolder, project, into, seq, previous, lines, scratch, hidesExpired = false, signal } = build;
  let last: LastLine | undefined;
  const changes = async function* (): AsyncGenerator<readonly SnapshotChange[]> {
    for await (const group of lines) {
      const end = group.at(-1);
      // Copied, since lines may be legible only until the next group.
      if (end !== undefined) last = { seq: end.seq, hash: end.hash, timeMs: end.timeMs };
      const made: SnapshotChange[] = [];
      for (const line of group) addChanges(made, line);
      yield made;
    }
  };
  const previousFolder = join(dataFolder, project);
  const hidesExpiredAt = hidesExpired ? () => last?.timeMs ?? previous?.timeMs ?? 0 : undefined;
  const data = await buildSnapshot({
    disk, folder: into, previousFolder, seq, previous, changes: changes(), scratch, hidesExpiredAt, signal,
  });
  return { ...data, last };
}

/** Adds the changes that a line makes. The usual one needs no text of it. */
function addChanges(made: SnapshotChange[], line: LogLine): void {
  const { bodyRange, hashHead, op } = line;
  const bytes = op === 'set' && bodyRange !== undefined ? decodeSetIn(bodyRange)?.bytes : undefined;
  if (bytes === undefined) made.push(...changesOf(line));
  else made.push({ kind: 'set.bytes', bytes, seq: line.seq, tag: hashHead ?? versionTag(line.hash), timeMs: line.timeMs });
}

/** The changes of keys and values that a line makes; none for a line about the project itself. */
function changesOf(line: LogLine): readonly SnapshotChange[] {
  const event = projectEventOf(line);
  const { seq, timeMs } = line;
  const tag = versionTag(line.hash);
  if (event.op === 'clear') return [{ kind: 'clear', seq }];
  if (event.op === 'clear.range') return [{ kind: 'range', range: rangeOf(event), seq }];
  return keyChangesOf(event).map((change) => {
    const { key } = change;
    if (removesKey(change)) return { kind: 'delete', key, seq };
    const version = { seq, tag, timeMs, expiresAtMs: expiryAfter(change) };
    return setsValue(change) ? { kind: 'set', key, value: change.value, ...version } : { kind: 'touch', key, ...version };
  });
}
