/**
 * Rebuilds the state of a project at any point of its log from the newest snapshot before that point and the lines after it, each checked.
 * Uses bounded memory, however large the project is.
 */
import { join } from 'node:path';
import type { Disk } from '../../disk/disk.js';
import type { CommittedManifest } from '../../projections/snapshot/snapshot-folder.js';
import { type GenerationFiles, type GenerationSource, readIndex } from '../../projections/snapshot/read-generation.js';
import { snapshotName } from '../../projections/snapshot/snapshot-names.js';
import { buildState } from '../build-state.js';
import { linesAfter, openProjectLog, type ProjectLog } from '../project-files.js';
import { ErasedValues } from './erased-values.js';
import { lastSeqOf, linesUpTo, type Moment } from './moment.js';
import { fromUsableSnapshot } from './usable-snapshots.js';

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
  /** {@inheritDoc StateBuild.hidesExpired} */
  readonly hidesExpired?: boolean;
  readonly signal?: AbortSignal | undefined;
}

/** A state as a file. */
export interface ReplayedState {
  /** A JSON object of keys and values, like `<project>.json`; in the scratch folder. */
  readonly path: string;
  /** The last event in it. */
  readonly seq: number;
  readonly keyCount: number;
  /** Keys whose values at that point were erased since; `null` stands for each. */
  readonly erasedCount: number;
  /** The same state as the data files of a snapshot in the scratch folder, with the places of its values. */
  readonly generation: GenerationFiles;
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
  return await fromUsableSnapshot({ disk, dataFolder, project, until }, log, (previous) => replayFrom(options, log, previous));
}

async function replayFrom(options: ReplayOptions, log: ProjectLog, previous: CommittedManifest | undefined): Promise<ReplayedState> {
  const { disk, dataFolder, project, until, scratchFolder, hidesExpired = false, signal } = options;
  const lastSeq = await log.files.lastSeq();
  const toSeq = lastSeqOf(until, lastSeq, (moment) => `replay "${project}" up to ${moment}`);
  // Only names the result. Lines that a server appends from now on are not part of it.
  const seq = Math.max(lastSeq, previous?.seq ?? 0) + 1;
  const source = previous && { disk, folder: join(dataFolder, project), manifest: previous, signal };
  const erased = source === undefined ? new ErasedValues() : await erasedIn(log, source);
  const lines = erased.over(linesUpTo(linesAfter(log, previous, toSeq, signal), until));
  const { last, ...data } = await buildState({
    disk, dataFolder, project, into: scratchFolder, seq, previous, lines, hidesExpired, signal,
  });
  const path = join(scratchFolder, snapshotName(seq, 'json'));
  const generation = { ...data, seq, logId: log.files.logId };
  return { path, seq: last?.seq ?? previous?.seq ?? 0, keyCount: data.keyCount, erasedCount: erased.count, generation };
}

/** Finds the values that were erased in the snapshot that a log continues from. */
async function erasedIn({ files }: ProjectLog, source: GenerationSource & { readonly manifest: CommittedManifest }): Promise<ErasedValues> {
  const erased = new ErasedValues();
  if (!source.manifest.isBase) return erased;
  await files.erasures.load();
  for await (const group of readIndex(source)) {
    for (const { key, seq } of group) if (files.erasures.isGone(seq)) erased.add(key);
  }
  return erased;
}
