/**
 * Reads one key of a project from its files: from the index of the newest sound snapshot and the lines after it. Writes nothing.
 */
import { crc32 } from 'node:zlib';
import { expiryAfter, keyChangesOf, rangeOf, setsValue } from '../../events/event.js';
import { hasExpired } from '../../events/expiry.js';
import { isInRange } from '../../events/key-range.js';
import type { LogLine } from '../../log/log.js';
import type { IndexEntry } from '../../projections/snapshot/snapshot.js';
import { SnapshotCorruptError } from '../../projections/snapshot/snapshot-errors.js';
import type { CommittedManifest } from '../../projections/snapshot/snapshot-folder.js';
import { snapshotName } from '../../projections/snapshot/snapshot-names.js';
import { linesAfter, openProjectLog, type ProjectLog, projectEventOf, snapshotsOf } from '../project-files.js';
import { lastSeqOf, linesUpTo, type Moment } from './moment.js';
import type { LogSource } from './replay-events.js';
import { fromUsableSnapshot } from './usable-snapshots.js';

/** Stands for a value that was erased. No value is equal to it. */
const ERASED = 'erased';

/** What is known about a key. */
export interface KeyReading {
  /** The value's JSON text, token for token; undefined if the key does not exist. */
  readonly value: string | undefined;
  /** Its last change. */
  readonly seq: number;
  /** In milliseconds since 1970. */
  readonly timeMs: number;
  /** When the key expires, in milliseconds since 1970; null for never. */
  readonly expiresAtMs: number | null;
  /** Set if its value was erased since: {@link KeyReading.value} is none that it ever had. */
  readonly isErased?: true;
}

/**
 * Reads a key as it is after the last line of the log: one that has expired is there until a line removes it. At an earlier moment, a key
 * that had expired by the time of its last line has no value, as on a server.
 *
 * @param at the moment; undefined: after the last line
 * @returns undefined if nothing is known about the key: it never existed, or was deleted before the newest snapshot
 * @throws {OutOfReachError} when the beginning of the log is gone and no snapshot covers it
 * @throws {LogCorruptError} when a line is damaged
 */
export async function readStoredKey(source: LogSource, key: string, at?: Moment): Promise<KeyReading | undefined> {
  const { disk, dataFolder, project, signal } = source;
  const log = await openProjectLog(disk, { dataFolder, project });
  return await fromUsableSnapshot({ disk, dataFolder, project, until: at }, log, async (previous) => {
    let reading = previous && (await readingIn(source, log, previous, key));
    let timeMs = previous?.timeMs ?? 0;
    const toSeq = lastSeqOf(at, await log.files.lastSeq(), (moment) => `read "${project}" at ${moment}`);
    for await (const group of linesUpTo(linesAfter(log, previous, toSeq, signal), at)) {
      for (const line of group) reading = readingAfter(line, key, reading);
      timeMs = group.at(-1)?.timeMs ?? timeMs;
    }
    return at === undefined || reading === undefined || isVisibleAt(reading, timeMs) ? reading : { ...reading, value: undefined };
  });
}

/** Tells whether a key has not expired by a time, in milliseconds since 1970. */
export function isVisibleAt(reading: KeyReading | undefined, timeMs: number): boolean {
  return reading === undefined || !hasExpired(reading.expiresAtMs, timeMs);
}

/** Returns what is known after a line; the same object if the line does not concern the key. */
export function readingAfter(line: LogLine, key: string, before: KeyReading | undefined): KeyReading | undefined {
  const event = projectEventOf(line);
  const { seq, timeMs } = line;
  const isCleared = event.op === 'clear' || (event.op === 'clear.range' && isInRange(key, rangeOf(event)));
  if (isCleared) return before?.value === undefined ? before : { value: undefined, seq, timeMs, expiresAtMs: null };
  const change = keyChangesOf(event).find((candidate) => candidate.key === key);
  if (change === undefined) return before;
  const version = { seq, timeMs, expiresAtMs: expiryAfter(change) };
  if (change.op === 'touch') return before && { ...before, ...version };
  if (!setsValue(change)) return { value: undefined, ...version };
  return line.erasedBy === undefined ? { value: change.value, ...version } : { value: ERASED, ...version, isErased: true };
}

/**
 * Reads a key from a snapshot; undefined if it is not there.
 *
 * @throws {SnapshotCorruptError} when the snapshot is damaged
 */
export async function readingIn(
  source: LogSource, { files: { erasures } }: ProjectLog, manifest: CommittedManifest, key: string,
): Promise<KeyReading | undefined> {
  const reading = await storedReading(source, manifest, key);
  if (reading === undefined || !manifest.isBase) return reading;
  await erasures.load();
  return erasures.isGone(reading.seq) ? { ...reading, isErased: true } : reading;
}

async function storedReading(
  { disk, dataFolder, project, signal }: LogSource, manifest: CommittedManifest, key: string,
): Promise<KeyReading | undefined> {
  const snapshots = snapshotsOf(disk, { dataFolder, project });
  let entry: IndexEntry | undefined;
  // Reads to the end, where the digest of the index is checked.
  for await (const group of snapshots.readIndex(manifest, { signal })) entry ??= group.find((candidate) => candidate.key === key);
  if (entry === undefined) return undefined;
  const { seq, timeMs, expiresAtMs, offset, sizeBytes, crc } = entry;
  try {
    const bytes = await snapshots.readValue(manifest.seq, offset, sizeBytes);
    if (crc32(bytes) === crc) return { value: bytes.toString('utf8'), seq, timeMs, expiresAtMs };
  } finally {
    await snapshots.close();
  }
  const place = { file: snapshotName(manifest.seq, 'json'), offset };
  throw new SnapshotCorruptError(place, `the value of ${JSON.stringify(key)}`, 'another one');
}
