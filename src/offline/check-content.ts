/**
 * Compares what snapshots hold with what the lines of the log amount to: each is built once more from the one before it, in a
 * folder of its own, and has to come out byte for byte.
 */
import { countText } from '../base/count-text.js';
import type { Finding } from '../base/finding.js';
import { join } from 'node:path';
import { LinesDroppedError } from '../log/log-errors.js';
import type { CommittedManifest } from '../projections/snapshot/snapshot-folder.js';
import { SnapshotCorruptError } from '../projections/snapshot/snapshot-errors.js';
import { snapshotName } from '../projections/snapshot/snapshot-names.js';
import { openProjectLines } from './project-lines.js';
import { snapshotsOf } from './project-snapshots.js';
import { buildState } from './state-build.js';
import type { FilesOfProject } from '../projections/snapshot/file-work.js';
import type { Disk } from '../disk/disk.js';

/** What is compared, and where there is room for it. */
export interface ContentCheck {
  readonly disk: Disk;
  readonly files: FilesOfProject;
  /** Snapshots whose bytes are sound, in any order. */
  readonly sound: readonly CommittedManifest[];
  /** Where states are built, absolute; must be there. */
  readonly scratchFolder: string;
  readonly signal?: AbortSignal | undefined;
}

/** Compares the content of snapshots with the log, where its lines are there. */
export async function checkContent(check: ContentCheck): Promise<readonly Finding[]> {
  const { disk, files, sound } = check;
  const { firstSeq } = await openProjectLines(disk, files);
  const ascending = sound.toSorted((a, b) => a.seq - b.seq);
  // Lines are missing below it: the oldest that covers them is all that is known of them.
  let previous = firstSeq === 1 ? undefined : ascending.find(({ seq }) => seq >= firstSeq - 1);
  if (firstSeq > 1 && previous === undefined) return [];
  const findings: Finding[] = [];
  for (const manifest of ascending) {
    if (manifest.seq <= (previous?.seq ?? 0)) continue;
    const finding = await compare(check, manifest, previous);
    if (finding !== undefined) findings.push(finding);
    else previous = manifest;
  }
  return findings;
}

async function compare(
  check: ContentCheck, manifest: CommittedManifest, previous: CommittedManifest | undefined,
): Promise<Finding | undefined> {
  const { disk, files, scratchFolder: into, signal } = check;
  const { project, dataFolder } = files;
  const { files: log } = await openProjectLines(disk, files);
  const { seq } = manifest;
  const lines = log.lines({ fromSeq: (previous?.seq ?? 0) + 1, toSeq: seq, ...(signal && { signal }) });
  try {
    const built = await buildState({ disk, dataFolder, project, into, seq, previous, lines, signal });
    const isEqual = built.json.sha256 === manifest.json.sha256 && built.index.sha256 === manifest.index.sha256;
    const file = `${project}/${snapshotName(seq, built.json.sha256 === manifest.json.sha256 ? 'index' : 'json')}`;
    const part = built.json.sha256 === manifest.json.sha256 ? 'index' : 'json';
    const expected = `what the log amounts to at seq ${seq}: ${countText(built.keyCount, 'key')}, SHA-256 ${built[part].sha256}`;
    const found = `${countText(manifest.keyCount, 'key')}, SHA-256 ${manifest[part].sha256}`;
    return isEqual ? undefined : { file, offset: 0, seq, expected, found };
  } catch (error) {
    const isGone = error instanceof SnapshotCorruptError || error instanceof LinesDroppedError;
    // A server at work has removed what this was built on: nothing can be said of it any more.
    if (isGone && previous !== undefined && !(await isThere(check, previous.seq))) return undefined;
    throw error;
  } finally {
    for (const part of ['json', 'index'] as const) await disk.unlink(join(into, snapshotName(seq, part)));
  }
}

async function isThere({ disk, files }: ContentCheck, seq: number): Promise<boolean> {
  return (await snapshotsOf(disk, files).list()).committed.some((manifest) => manifest.seq === seq);
}
