/** Fixtures of snapshot tests: a disk in memory with a project's folder, generations, and changes. */
import { crc32 } from 'node:zlib';
import { buildSnapshot, type BuildOptions } from '../../../src/projections/snapshot/build-snapshot.js';
import { SnapshotCorruptError, SnapshotVersionError } from '../../../src/projections/snapshot/snapshot-errors.js';
import { SnapshotFolder } from '../../../src/projections/snapshot/snapshot-folder.js';
import type {
  SnapshotChange, SnapshotData, SnapshotEntry, SnapshotManifest,
} from '../../../src/projections/snapshot/snapshot.js';
import { FaultDisk } from '../../disk/fault-disk.js';

export const HOME = '/data';
export const FOLDER = '/data/shop';
export const READABLE = '/data/shop.json';
export const LOG_ID = '00112233445566778899aabbccddeeff';

/** A key as tests write it: its value, its version, and when it expires. */
export type PlainEntry = readonly [key: string, value: string, seq: number, expiresAtMs?: number | undefined];

/** A disk with the folder of a project, all of it synced. */
export function emptyDisk(): FaultDisk {
  const disk = new FaultDisk();
  disk.tree.makeFolder(FOLDER);
  disk.tree.syncAll();
  return disk;
}

export function folderOn(disk: FaultDisk): SnapshotFolder {
  return new SnapshotFolder({ disk, folder: FOLDER, readable: READABLE });
}

/** A manifest around what was written. */
export function manifestOf(data: SnapshotData, seq: number, rest: Partial<SnapshotManifest> = {}): SnapshotManifest {
  return {
    ...data,
    project: 'shop',
    logId: LOG_ID,
    seq,
    hash: crc32(String(seq)).toString(16).padStart(64, '0'),
    timeMs: Date.parse('2026-11-22T10:00:00.123Z') + seq,
    requests: null,
    isBase: false,
    segments: [[1, 4096]],
    state: { versions: [{ seq: 1, settings: { storage: { on_disk: true } } }] },
    ...rest,
  };
}

/** The time that tests give a version. */
export function timeOf(seq: number): number {
  return 1_700_000_000_000 + seq;
}

/** The tag that tests give a version. */
export function tagOf(seq: number): number {
  return (seq * 2_654_435_761) % 2 ** 32;
}

/** Writes the data files of a generation. */
export async function writeData(disk: FaultDisk, entries: readonly PlainEntry[], seq: number): Promise<SnapshotData> {
  const writer = await folderOn(disk).begin(seq);
  await writer.addAll(entries.map(([key, value, version, expiresAtMs = null]) => (
    { key, value, seq: version, tag: tagOf(version), timeMs: timeOf(version), expiresAtMs }
  )));
  return await writer.finish();
}

/** Writes and commits a generation. */
export async function commitEntries(disk: FaultDisk, entries: readonly PlainEntry[], seq: number): Promise<SnapshotManifest> {
  const manifest = manifestOf(await writeData(disk, entries, seq), seq);
  await folderOn(disk).commit(manifest);
  return manifest;
}

/** Flattens a stream of groups. */
export async function flatten<T>(groups: AsyncIterable<readonly T[]>): Promise<T[]> {
  const all: T[] = [];
  for await (const group of groups) all.push(...group);
  return all;
}

/** The keys of a generation with values and versions. */
export async function entriesOf(disk: FaultDisk, manifest: SnapshotManifest): Promise<PlainEntry[]> {
  return (await flatten<SnapshotEntry>(folderOn(disk).readEntries(manifest))).map(({ key, value, seq, expiresAtMs }) => (
    expiresAtMs === null ? [key, value, seq] : [key, value, seq, expiresAtMs]
  ));
}

/** A change that sets a key. */
export function setChange(
  key: string, value: string, seq: number, expiresAtMs: number | null = null,
): Extract<SnapshotChange, { kind: 'set' }> {
  return { kind: 'set', key, value, seq, tag: tagOf(seq), timeMs: timeOf(seq), expiresAtMs };
}

/** A change that gives a key another version and another expiry. */
export function touchChange(key: string, seq: number, expiresAtMs: number | null): Extract<SnapshotChange, { kind: 'touch' }> {
  return { kind: 'touch', key, seq, tag: tagOf(seq), timeMs: timeOf(seq), expiresAtMs };
}

/** Splits changes into groups of a size. Every other one is given as bytes if it can be, which are gone with the next group. */
export async function* inGroups(changes: readonly SnapshotChange[], size = 7): AsyncGenerator<readonly SnapshotChange[]> {
  for (let start = 0; start < changes.length; start += size) {
    await Promise.resolve();
    const group = changes.slice(start, start + size).map((change, index) => (index % 2 === 0 ? asBytes(change) : change));
    yield group;
    for (const change of group) if (change.kind === 'set.bytes') change.bytes.bytes.fill(0);
  }
}

function asBytes(change: SnapshotChange): SnapshotChange {
  if (change.kind !== 'set' || change.expiresAtMs !== null || !/^[ -~]*$/.test(change.key) || /["\\]/.test(change.key)) return change;
  const { key, value, seq, tag, timeMs } = change;
  const bytes = Buffer.from(`<${key}":${value}>`);
  const valueStart = key.length + 3;
  return { kind: 'set.bytes', bytes: { bytes, start: 1, end: key.length + 1, valueStart, valueEnd: bytes.length - 1 }, seq, tag, timeMs };
}

/** Builds the data files of a generation. */
export async function build(
  disk: FaultDisk, parts: Pick<BuildOptions, 'seq' | 'previous'> & Partial<BuildOptions>, changes: readonly SnapshotChange[],
): Promise<SnapshotData> {
  return await buildSnapshot({ disk, folder: FOLDER, changes: inGroups(changes), ...parts });
}

/** Whether an error says that a snapshot cannot be used. */
export function isRefusal(error: unknown): error is SnapshotCorruptError | SnapshotVersionError {
  return error instanceof SnapshotCorruptError || error instanceof SnapshotVersionError;
}

/** Names in the project's folder. */
export function namesIn(disk: FaultDisk): string[] {
  return [...disk.tree.folder(FOLDER).names.keys()].sort();
}
