/**
 * The generations of one project: finding, committing, removing. Owns the names in the project's folder that begin with `snap-`;
 * `<project>.json` beside the log is made from them by `readable-snapshot.ts`.
 *
 * The order of the steps is what makes a crash harmless:
 *
 * - Commit: data files synced, manifest under a temporary name synced, folder synced; rename; folder synced. A manifest that is
 *   there has everything that it speaks of.
 * - Remove: the manifest first, folder synced; then the rest, which does not count without it.
 */
import { dirname, join } from 'node:path';
import { AppError, isErrno, withDiskFull } from '../../base/app-error.js';
import { changeFolder, type Disk, type DiskFile, writeNewFile } from '../../disk/disk.js';
import { faultOf } from '../../disk/disk-fault.js';
import type { IdleFiles } from '../../disk/idle-files.js';
import type { ReadingHooks } from './data-file-reader.js';
import { decodeManifest, encodeManifest, MANIFEST_BYTES_MAX } from './manifest-format.js';
import { readEntries, readIndex, verifyFiles } from './read-generation.js';
import { ReadableSnapshot } from './readable-snapshot.js';
import type { IndexEntry, SnapshotEntry, SnapshotManifest } from './snapshot.js';
import { SnapshotCorruptError, SnapshotVersionError } from './snapshot-errors.js';
import { parseSnapshotName, type SnapshotName, snapshotName } from './snapshot-names.js';
import { SnapshotWriter } from './snapshot-writer.js';
import { ValueFiles } from './value-files.js';

/** A manifest that is in place. */
export interface CommittedManifest extends SnapshotManifest {
  /** The digest that it ends with: what the first header of a log that goes on from a base names. */
  readonly digest: string;
}

/** A generation whose manifest is in place and says nothing that could be used. */
export interface UnreadableGeneration {
  readonly seq: number;
  /** Name of the manifest inside the project's folder. */
  readonly name: string;
  readonly error: SnapshotCorruptError | SnapshotVersionError;
}

/** What there is. */
export interface GenerationList {
  /** Newest first. Their data files have not been looked at. */
  readonly committed: readonly CommittedManifest[];
  /** Newest first. */
  readonly unreadable: readonly UnreadableGeneration[];
}

/** Where a project's snapshots are. */
export interface SnapshotFolderOptions {
  readonly disk: Disk;
  /** The project's folder, absolute. */
  readonly folder: string;
  /** `<project>.json` beside the log, absolute. */
  readonly readable: string;
  /** Closes files that are not read. @default one of its own */
  readonly idleFiles?: IdleFiles;
}

/** The snapshots of one project. Changes one at a time; reads at any time. */
export class SnapshotFolder {
  /** The newest snapshot for people and their tools. */
  readonly readable: ReadableSnapshot;
  readonly #disk: Disk;
  readonly #folder: string;
  readonly #values: ValueFiles;

  /** @param place where the snapshots are */
  constructor({ disk, folder, readable, idleFiles }: SnapshotFolderOptions) {
    this.#disk = disk;
    this.#folder = folder;
    this.readable = new ReadableSnapshot({ disk, folder, path: readable });
    this.#values = new ValueFiles(disk, folder, idleFiles);
  }

  /**
   * Finds the generations that are committed.
   *
   * @returns all of them, and those whose manifest cannot be used
   */
  async list(): Promise<GenerationList> {
    const committed: CommittedManifest[] = [];
    const unreadable: UnreadableGeneration[] = [];
    const seqs = (await this.#names()).filter(({ part }) => part === 'manifest').map(({ seq }) => seq);
    for (const seq of seqs.sort((a, b) => b - a)) {
      try {
        committed.push(await this.read(seq));
      } catch (error) {
        if (!(error instanceof SnapshotCorruptError) && !(error instanceof SnapshotVersionError)) throw error;
        unreadable.push({ seq, name: snapshotName(seq, 'manifest'), error });
      }
    }
    return { committed, unreadable };
  }

  /**
   * Reads one manifest.
   *
   * @throws {SnapshotCorruptError} when it is not there, or is no manifest
   * @throws {SnapshotVersionError} when it was written by a newer version
   */
  async read(seq: number): Promise<CommittedManifest> {
    const name = snapshotName(seq, 'manifest');
    const corrupt = (expected: string, found: string): SnapshotCorruptError => (
      new SnapshotCorruptError({ file: name, offset: 0 }, expected, found)
    );
    let bytes: Buffer;
    try {
      bytes = await readWhole(await this.#disk.open(this.#path(seq, 'manifest'), 'read'), corrupt);
    } catch (error) {
      if (isErrno(error, 'ENOENT')) throw corrupt('a file', 'none of that name');
      // A folder or a loop of links in its place, a sector that cannot be read: whatever it is, an older snapshot or the log serves.
      if (isErrno(error) && faultOf(error) === 'disk') throw corrupt('a file that can be read', error.code ?? 'none');
      throw error;
    }
    const { manifest, digest } = decodeManifest(bytes, name);
    if (manifest.seq !== seq) throw corrupt(`seq ${seq}`, `seq ${manifest.seq}`);
    return { ...manifest, digest };
  }

  /**
   * Begins a generation that is written entry by entry. The project's folder is made if need be.
   *
   * @throws {AppError} with `disk_full` when the disk has no room
   */
  async begin(seq: number): Promise<SnapshotWriter> {
    if ((await this.#disk.status(this.#folder)) === undefined) {
      await changeFolder(this.#disk, dirname(this.#folder), () => this.#disk.makeFolder(this.#folder));
    }
    return await SnapshotWriter.create({ disk: this.#disk, folder: this.#folder, seq });
  }

  /**
   * Makes a generation count whose data files have been written and synced.
   *
   * When it rejects, the generation does not count and its files are gone, if the disk allows.
   *
   * @throws {AppError} with `disk_full` when the disk has no room, `compaction_failed` when no reader would take the manifest
   */
  async commit(manifest: SnapshotManifest): Promise<string> {
    const { seq } = manifest;
    const { text, digest } = encodeManifest(manifest);
    const bytes = Buffer.from(text);
    if (bytes.length > MANIFEST_BYTES_MAX) {
      await this.#undo(seq);
      const message = `Cannot write the snapshot: its manifest has ${bytes.length} bytes, and at most ${MANIFEST_BYTES_MAX} are read`;
      throw new AppError('compaction_failed', message);
    }
    const temporary = this.#path(seq, 'manifest-new');
    try {
      await this.#disk.unlink(temporary);
      // The names of the data files are made durable before the one that vouches for them.
      await changeFolder(this.#disk, this.#folder, () => writeNewFile(this.#disk, temporary, bytes));
      await changeFolder(this.#disk, this.#folder, () => this.#disk.rename(temporary, this.#path(seq, 'manifest')));
    } catch (error) {
      await this.#undo(seq);
      throw withDiskFull(error, 'Cannot write the snapshot');
    }
    return digest;
  }

  async #undo(seq: number): Promise<void> {
    try {
      await this.remove(seq);
    } catch {
      // What is left has a manifest, and then everything that belongs to it, or none, and does not count.
      return;
    }
  }

  /** Removes a generation. Reads of its values that are under way go on; who may still begin one is for the caller to know. */
  async remove(seq: number): Promise<void> {
    await changeFolder(this.#disk, this.#folder, () => this.#disk.unlink(this.#path(seq, 'manifest')));
    await this.#values.release(seq);
    for (const name of await this.#names()) if (name.seq === seq) await this.#disk.unlink(this.#path(seq, name.part));
  }

  /** Removes what interrupted attempts left. Not while one is under way. */
  async dropUnfinished(): Promise<readonly string[]> {
    const names = await this.#names();
    const committed = new Set(names.filter(({ part }) => part === 'manifest').map(({ seq }) => seq));
    const dropped = names.filter(({ seq, part }) => !(committed.has(seq) && LASTING_PARTS.has(part)));
    for (const { seq, part } of dropped) await this.#disk.unlink(this.#path(seq, part));
    return dropped.map(({ seq, part }) => snapshotName(seq, part));
  }

  /**
   * Reads the keys of a generation; see `readIndex` in `read-generation.ts`.
   *
   * @param hooks who follows, holds back and ends the reading
   */
  readIndex(manifest: SnapshotManifest, hooks: ReadingHooks = {}): AsyncGenerator<readonly IndexEntry[]> {
    return readIndex({ disk: this.#disk, folder: this.#folder, manifest, ...hooks });
  }

  /**
   * Reads the keys of a generation with their values; see `readEntries` in `read-generation.ts`.
   *
   * @param hooks who follows, holds back and ends the reading
   * @returns groups of at most about a thousand
   */
  readEntries(manifest: SnapshotManifest, hooks: ReadingHooks = {}): AsyncGenerator<readonly SnapshotEntry[]> {
    return readEntries({ disk: this.#disk, folder: this.#folder, manifest, ...hooks });
  }

  /**
   * Checks every byte of both data files of a generation.
   *
   * @throws {SnapshotCorruptError} when anything differs from what was written
   */
  async verify(manifest: SnapshotManifest, hooks: ReadingHooks = {}): Promise<void> {
    await verifyFiles({ disk: this.#disk, folder: this.#folder, manifest, ...hooks });
  }

  /**
   * Looks whether the values of a generation are there in their full length, without reading them.
   *
   * @throws {SnapshotCorruptError} when they are not
   */
  async checkSize({ seq, json }: SnapshotManifest): Promise<void> {
    const status = await this.#disk.status(this.#path(seq, 'json'));
    if (status?.sizeBytes === json.sizeBytes) return;
    const found = status === undefined ? 'none of that name' : `${status.sizeBytes} bytes`;
    throw new SnapshotCorruptError({ file: snapshotName(seq, 'json'), offset: 0 }, `a file of ${json.sizeBytes} bytes`, found);
  }

  /**
   * Reads one value of a generation again.
   *
   * @param offset where the value begins in its `.json`, in bytes
   * @param sizeBytes its length in bytes
   * @returns the bytes as they are on disk now; its CRC is for the caller to check
   * @throws {SnapshotCorruptError} when they are not there
   */
  async readValue(seq: number, offset: number, sizeBytes: number): Promise<Buffer> {
    return await this.#values.read(seq, offset, sizeBytes);
  }

  /** Releases all descriptors. What is read afterwards opens its file again. */
  async close(): Promise<void> {
    await this.#values.close();
  }

  #path(seq: number, part: SnapshotName['part']): string {
    return join(this.#folder, snapshotName(seq, part));
  }

  async #names(): Promise<readonly SnapshotName[]> {
    return (await this.#disk.list(this.#folder)).map(parseSnapshotName).filter((name) => name !== undefined);
  }
}

/** What a generation consists of once it is committed. */
const LASTING_PARTS: ReadonlySet<SnapshotName['part']> = new Set<SnapshotName['part']>(['json', 'index', 'manifest']);

async function readWhole(file: DiskFile, corrupt: (expected: string, found: string) => Error): Promise<Buffer> {
  try {
    const { sizeBytes } = await file.status();
    if (sizeBytes > MANIFEST_BYTES_MAX) throw corrupt(`at most ${MANIFEST_BYTES_MAX} bytes`, `${sizeBytes} bytes`);
    const bytes = Buffer.alloc(sizeBytes);
    return bytes.subarray(0, await file.read(bytes, 0));
  } finally {
    await file.close();
  }
}
