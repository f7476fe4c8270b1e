/**
 * Compares snapshots with the log: rebuilds each from the one before it, in a scratch folder, and expects the same bytes.
 */
import { join } from 'node:path';
import { countText } from '../../base/count-text.js';
import type { Finding } from '../../base/finding.js';
import type { Disk } from '../../disk/disk.js';
import type { LineChecker } from '../../log/file/segment/checked-lines.js';
import { LinesDroppedError } from '../../log/log-errors.js';
import type { FilesOfProject } from '../../projections/snapshot/file-work.js';
import { SnapshotCorruptError } from '../../projections/snapshot/snapshot-errors.js';
import { encodeIndexLine, indexFormOf } from '../../projections/snapshot/index-format.js';
import { type GenerationSource, readIndex } from '../../projections/snapshot/read-generation.js';
import type { IndexEntry, SnapshotData } from '../../projections/snapshot/snapshot.js';
import type { CommittedManifest } from '../../projections/snapshot/snapshot-folder.js';
import { snapshotName } from '../../projections/snapshot/snapshot-names.js';
import { buildState } from '../build-state.js';
import { openProjectLog, snapshotsOf } from '../project-files.js';

/** What to compare, and where. */
interface ContentCheck {
  readonly disk: Disk;
  readonly files: FilesOfProject;
  /** Snapshots whose bytes are sound, in any order. */
  readonly sound: readonly CommittedManifest[];
  /** Seq of the last redaction; 0 if there was none. Snapshots of earlier lines are not compared: they are about to be removed. */
  readonly redactedSeq: number;
  /** The folder to build in, absolute; must exist. */
  readonly scratchFolder: string;
  readonly checker: LineChecker;
  readonly signal?: AbortSignal | undefined;
}

/** Compares snapshots with the log, for those whose lines the log still has. */
export async function checkContent(check: ContentCheck): Promise<readonly Finding[]> {
  const { disk, files, sound } = check;
  const { firstSeq } = await openProjectLog(disk, files);
  const ascending = sound.toSorted((a, b) => a.seq - b.seq);
  // Lines before `firstSeq` are gone; the oldest snapshot that covers them can only be believed.
  let previous = firstSeq === 1 ? undefined : ascending.find(({ seq }) => seq >= firstSeq - 1);
  if (firstSeq > 1 && previous === undefined) return [];
  const findings: Finding[] = [];
  for (const manifest of ascending) {
    if (manifest.seq <= (previous?.seq ?? 0) || manifest.seq < check.redactedSeq) continue;
    const finding = await compare(check, manifest, previous);
    if (finding !== undefined) findings.push(finding);
    else previous = manifest;
  }
  return findings;
}

async function compare(
  check: ContentCheck, manifest: CommittedManifest, previous: CommittedManifest | undefined,
): Promise<Finding | undefined> {
  const { disk, files, scratchFolder: into, checker, signal } = check;
  const { project, dataFolder } = files;
  const { files: log } = await openProjectLog(disk, files, checker);
  const { seq } = manifest;
  const lines = log.lines({ fromSeq: (previous?.seq ?? 0) + 1, toSeq: seq, ...(signal && { signal }) });
  try {
    const built = await buildState({ disk, dataFolder, project, into, seq, previous, lines, signal });
    const isSame = built.json.sha256 === manifest.json.sha256;
    if (isSame && (await hasSameIndex(check, manifest, built))) return undefined;
    const part = isSame ? 'index' : 'json';
    const file = `${project}/${snapshotName(seq, part)}`;
    const expected = `the state of the log at seq ${seq}: ${countText(built.keyCount, 'key')}, SHA-256 ${built[part].sha256}`;
    return { file, offset: 0, seq, expected, found: `${countText(manifest.keyCount, 'key')}, SHA-256 ${manifest[part].sha256}` };
  } catch (error) {
    const isGone = error instanceof SnapshotCorruptError || error instanceof LinesDroppedError;
    // A running server has removed the snapshot that this was built on, so nothing can be compared any more.
    if (isGone && previous !== undefined && !(await isThere(check, previous.seq))) return undefined;
    throw error;
  } finally {
    for (const part of ['json', 'index'] as const) await disk.unlink(join(into, snapshotName(seq, part)));
  }
}

/**
 * An index is not always the same bytes: entries that once were in one of format 1 have the log id's digits for their tag, for as long as
 * they do not change.
 */
async function hasSameIndex(check: ContentCheck, manifest: CommittedManifest, built: SnapshotData): Promise<boolean> {
  if (built.index.sha256 === manifest.index.sha256) return true;
  if (built.keyCount !== manifest.keyCount) return false;
  const { disk, files: { dataFolder, project, logId }, scratchFolder, signal } = check;
  const { seq } = manifest;
  const { commonTag } = indexFormOf({ format: 1, logId });
  const expected = entriesIn({ disk, folder: scratchFolder, manifest: { ...built, seq, logId }, signal });
  const found = entriesIn({ disk, folder: join(dataFolder, project), manifest, signal });
  try {
    for await (const entry of expected) {
      const { value: other } = await found.next();
      if (other === undefined) return false;
      const tag = other.tag === commonTag ? commonTag : entry.tag;
      if (encodeIndexLine({ ...entry, tag }) !== encodeIndexLine(other)) return false;
    }
    return true;
  } finally {
    await found.return(undefined);
  }
}

async function* entriesIn(source: GenerationSource): AsyncGenerator<IndexEntry, undefined> {
  for await (const group of readIndex(source)) yield* group;
}

async function isThere({ disk, files }: ContentCheck, seq: number): Promise<boolean> {
  return (await snapshotsOf(disk, files).list()).committed.some((manifest) => manifest.seq === seq);
}
