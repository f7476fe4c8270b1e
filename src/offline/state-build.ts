/**
 * What a project amounted to at one seq, built from files alone into a folder of its own; the project's folder is only read.
 */
import { join } from 'node:path';
import type { Disk } from '../disk/disk.js';
import { LogPaths } from '../log/file/log-paths.js';
import type { LogLine } from '../log/log.js';
import { buildSnapshot } from '../projections/snapshot/build-snapshot.js';
import type { SnapshotChange, SnapshotData, SnapshotManifest } from '../projections/snapshot/snapshot.js';
import { overlayDisk } from './overlay-disk.js';
import { ProjectTexts } from './project-texts.js';
import { changeOf } from './snapshot-changes.js';

/** What a state is built from, and where. */
export interface StateBuild {
  readonly disk: Disk;
  readonly dataFolder: string;
  readonly project: string;
  /** Where the result goes, absolute; must be there. */
  readonly into: string;
  /** The highest seq that can be in it: what its files are named by. */
  readonly seq: number;
  /** A sound generation of the project to build on; undefined: the lines begin with seq 1. */
  readonly previous: SnapshotManifest | undefined;
  /** All lines after it, each checked, in groups. */
  readonly lines: AsyncIterable<readonly LogLine[]>;
  readonly signal?: AbortSignal | undefined;
}

/**
 * Builds a state as the data files of a snapshot.
 *
 * @throws {SnapshotCorruptError} when the generation to build on proves damaged
 * @throws {LogCorruptError} when the lines do
 */
export async function buildState(build: StateBuild): Promise<SnapshotData> {
  const { disk, dataFolder, project, into, seq, previous, lines, signal } = build;
  const under = join(dataFolder, project);
  const texts = new ProjectTexts(disk, new LogPaths(dataFolder, project), { folder: into, seq });
  try {
    return await buildSnapshot({
      disk: into === under ? disk : overlayDisk(disk, { over: into, under }),
      folder: into, seq, previous, changes: changesOf(lines), readText: (place) => texts.read(place), signal,
    });
  } finally {
    await texts.close();
  }
}

async function* changesOf(lines: AsyncIterable<readonly LogLine[]>): AsyncGenerator<readonly SnapshotChange[]> {
  for await (const group of lines) {
    const changes = group.map(changeOf).filter((change) => change !== undefined);
    if (changes.length > 0) yield changes;
  }
}
