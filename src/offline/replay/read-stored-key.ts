/**
 * Reads one key of a project from its files: from the index of the newest sound snapshot and the lines after it. Writes nothing.
 */
import { crc32 } from 'node:zlib';
import { keyChangesOf, rangeOf } from '../../events/event.js';
import { isInRange } from '../../events/key-range.js';
import type { LogLine } from '../../log/log.js';
import type { IndexEntry } from '../../projections/snapshot/snapshot.js';
import { SnapshotCorruptError } from '../../projections/snapshot/snapshot-errors.js';
import type { CommittedManifest } from '../../projections/snapshot/snapshot-folder.js';
import { snapshotName } from '../../projections/snapshot/snapshot-names.js';
import { linesAfter, openProjectLog, projectEventOf, snapshotsOf } from '../project-files.js';
import type { LogSource } from './replay-events.js';
import { fromUsableSnapshot } from './usable-snapshots.js';

/** What is known about a key. */
interface KeyReading {
  /** The value's JSON text, token for token; undefined if the key does not exist. */
  readonly value: string | undefined;
  /** The change that set or deleted it. */
  readonly seq: number;
  /** In milliseconds since 1970. */
  readonly timeMs: number;
}

/**
 * Reads a key as it is after the last line of the log.
 *
 * @returns undefined if nothing is known about the key: it never existed, or was deleted before the newest snapshot
 * @throws {OutOfReachError} when the beginning of the log is gone and no snapshot covers it
 * @throws {LogCorruptError} when a line is damaged
 */
export async function readStoredKey(source: LogSource, key: string): Promise<KeyReading | undefined> {
  const { disk, dataFolder, project, signal } = source;
  const log = await openProjectLog(disk, { dataFolder, project });
  return await fromUsableSnapshot({ disk, dataFolder, project, until: undefined }, log, async (previous) => {
    let reading = previous && (await readingIn(source, previous, key));
    for await (const group of linesAfter(log, previous, await log.files.lastSeq(), signal)) {
      for (const line of group) reading = readingAfter(line, key, reading);
    }
    return reading;
  });
}

function readingAfter(line: LogLine, key: string, before: KeyReading | undefined): KeyReading | undefined {
  const event = projectEventOf(line);
  const { seq, timeMs } = line;
  const isCleared = event.op === 'clear' || (event.op === 'clear.range' && isInRange(key, rangeOf(event)));
  if (isCleared) return before?.value === undefined ? before : { value: undefined, seq, timeMs };
  const change = keyChangesOf(event).find((candidate) => candidate.key === key);
  if (change === undefined) return before;
  return { value: change.op === 'set' ? change.value : undefined, seq, timeMs };
}

async function readingIn(
  { disk, dataFolder, project, signal }: LogSource, manifest: CommittedManifest, key: string,
): Promise<KeyReading | undefined> {
  const snapshots = snapshotsOf(disk, { dataFolder, project });
  let entry: IndexEntry | undefined;
  // Reads to the end, where the digest of the index is checked.
  for await (const group of snapshots.readIndex(manifest, { signal })) entry ??= group.find((candidate) => candidate.key === key);
  if (entry === undefined) return undefined;
  const { seq, timeMs, offset, sizeBytes, crc } = entry;
  try {
    const bytes = await snapshots.readValue(manifest.seq, offset, sizeBytes);
    if (crc32(bytes) === crc) return { value: bytes.toString('utf8'), seq, timeMs };
  } finally {
    await snapshots.close();
  }
  const place = { file: snapshotName(manifest.seq, 'json'), offset };
  throw new SnapshotCorruptError(place, `the value of ${JSON.stringify(key)}`, 'another one');
}
