/**
 * Builds the state of a project at one seq from its files, as the data files of a snapshot in a folder of choice. Only reads the project's
 * own folder.
 */
import { join } from 'node:path';
import type { Disk } from '../disk/disk.js';
import { keyChangesOf, rangeOf } from '../events/event.js';
import { versionTag } from '../events/key-version.js';
import type { LogLine } from '../log/log.js';
import { buildSnapshot } from '../projections/snapshot/build-snapshot.js';
import type { SnapshotChange, SnapshotData, SnapshotManifest } from '../projections/snapshot/snapshot.js';
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
  readonly signal?: AbortSignal | undefined;
}

/** The data files of a state. */
interface BuiltState extends SnapshotData {
  /** The last line in it; undefined if there were no lines after `previous`. */
  readonly last: LogLine | undefined;
}

/**
 * Builds a state as the data files of a snapshot.
 *
 * @throws {SnapshotCorruptError} when the generation to build on is damaged
 * @throws {LogCorruptError} when a line is damaged
 */
export async function buildState(build: StateBuild): Promise<BuiltState> {
  const { disk, dataFolder, project, into, seq, previous, lines, signal } = build;
  let last: LogLine | undefined;
  const changes = async function* (): AsyncGenerator<readonly SnapshotChange[]> {
    for await (const group of lines) {
      last = group.at(-1) ?? last;
      yield group.flatMap(changesOf);
    }
  };
  const previousFolder = join(dataFolder, project);
  const data = await buildSnapshot({ disk, folder: into, previousFolder, seq, previous, changes: changes(), signal });
  return { ...data, last };
}

/** The changes of keys and values that a line makes; none for a line about the project itself. */
function changesOf(line: LogLine): readonly SnapshotChange[] {
  const event = projectEventOf(line);
  const { seq, timeMs } = line;
  const tag = versionTag(line.hash);
  if (event.op === 'clear') return [{ kind: 'clear', seq }];
  if (event.op === 'clear.range') return [{ kind: 'range', range: rangeOf(event), seq }];
  return keyChangesOf(event).map((change) => (
    change.op === 'set' ? { kind: 'set', key: change.key, value: change.value, seq, tag, timeMs } : { kind: 'delete', key: change.key, seq }
  ));
}
