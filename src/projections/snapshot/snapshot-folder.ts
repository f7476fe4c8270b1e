/**
 * The generations of one project: lists, commits, reads and removes them. Owns the names in the project's folder that begin with `snap-`;
 * `readable-snapshot.ts` copies them to `<project>.json` beside the log.
 *
 * The order of the steps makes a crash harmless:
 *
 * - Commit: sync the data files, write and sync the manifest under a temporary name, sync the folder; rename; sync the folder. If a
 *   manifest exists, so does everything that it names.
 * - Remove: the manifest first, sync the folder; then the rest, which does not count without it.
 */
import { dirname, join } from 'node:path';
import { AppError, withDiskFull } from '../../base/app-error.js';
import { countText } from '../../base/count-text.js';
import { changeFolder, closing, type Disk, type DiskFile, writeNewFile } from '../../disk/disk.js';
import { FilePool } from '../../disk/file-pool.js';
import type { IdleFiles } from '../../disk/idle-files.js';
import type { ReadingHooks } from './data-file-reader.js';
import type { EntryChecker } from './checked-entries.js';
import { eraseValues, planErasure } from './erase-values.js';
import { checkerFor, type EntryGroup, readEntriesAhead } from './entries-ahead.js';
import { decodeManifest, encodeManifest, MANIFEST_BYTES_MAX } from './manifest-format.js';
import { readEntries, readIndex, readRequests, readStoredEntries } from './read-generation.js';
import { ReadableSnapshot } from './readable-snapshot.js';
import type { KeptRecords, RememberedRequest } from '../requests/request-records.js';
import type { IndexEntry, RequestsFile, SnapshotEntry, SnapshotManifest } from './snapshot.js';
import { asSnapshotDamage, SnapshotCorruptError, type SnapshotPlace, SnapshotVersionError } from './snapshot-errors.js';
import { parseSnapshotName, type SnapshotName, snapshotName } from './snapshot-names.js';
import { SnapshotWriter, writeRequests } from './snapshot-writer.js';

/** A committed manifest. */
export interface CommittedManifest extends SnapshotManifest {
  /** The digest at its end. The first header of a log that continues from a base names it. */
  readonly digest: string;
}

/** A generation whose manifest exists but cannot be used. */
interface UnreadableGeneration {
  readonly seq: number;
  /** Name of the manifest inside the project's folder. */
  readonly name: string;
  readonly error: SnapshotCorruptError | SnapshotVersionError;
}

/** The generations of a project. */
export interface GenerationList {
  /** Newest first. Their data files have not been checked. */
  readonly committed: readonly CommittedManifest[];
  /** Newest first. */
  readonly unreadable: readonly UnreadableGeneration[];
}

/** The folder of a project's snapshots. */
interface SnapshotFolderOptions {
  readonly disk: Disk;
  /** The project's folder, absolute. */
  readonly folder: string;
  /** `<project>.json` beside the log, absolute. */
  readonly readable: string;
  /** Closes idle files; shared with other pools. @default one of its own */
  readonly idleFiles?: IdleFiles;
  /** Checks large generations in other threads while they are read. @default none */
  readonly checker?: EntryChecker;
}

/** Data files that are open at once. A project rarely has more than three generations. */
const FILES_OPEN_MAX = 4;

/** The snapshots of one project. One change at a time; reads at any time. */
export class SnapshotFolder {
  /** The copy for people and their tools. */
  readonly readable: ReadableSnapshot;
  readonly #disk: Disk;
  readonly #folder: string;
  readonly #checker: EntryChecker | undefined;
  /** Open `.json` files by seq. */
  readonly #files: FilePool;

  constructor({ disk, folder, readable, idleFiles, checker }: SnapshotFolderOptions) {
    this.#disk = disk;
    this.#folder = folder;
    this.#checker = checker;
    this.readable = new ReadableSnapshot(disk, folder, readable);
    this.#files = new FilePool(FILES_OPEN_MAX, idleFiles);
  }

  /** Lists the committed generations, and those whose manifest cannot be used. */
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
   * @throws {SnapshotCorruptError} when it is missing or damaged
   * @throws {SnapshotVersionError} when a newer version wrote it
   */
  async read(seq: number): Promise<CommittedManifest> {
    const place = { file: snapshotName(seq, 'manifest'), offset: 0 };
    let bytes: Buffer;
    try {
      bytes = await closing(await this.#disk.open(this.#path(seq, 'manifest'), 'read'), (file) => readWhole(file, place));
    } catch (error) {
      throw asSnapshotDamage(error, place, 'a file that can be read');
    }
    const manifest = decodeManifest(bytes, place.file);
    if (manifest.seq !== seq) throw new SnapshotCorruptError(place, `seq ${seq}`, `seq ${manifest.seq}`);
    return manifest;
  }

  /**
   * Starts a generation that is written entry by entry. Creates the project's folder if it is missing.
   *
   * @throws {AppError} `disk_full`
   */
  async begin(seq: number): Promise<SnapshotWriter> {
    if ((await this.#disk.status(this.#folder)) === undefined) {
      await changeFolder(this.#disk, dirname(this.#folder), () => this.#disk.makeFolder(this.#folder));
    }
    return await SnapshotWriter.create({ disk: this.#disk, folder: this.#folder, seq });
  }

  /**
   * Writes the requests of a generation whose other data files are written.
   *
   * @returns for its manifest
   * @throws {AppError} `disk_full`
   */
  async writeRequests(seq: number, requests: KeptRecords): Promise<RequestsFile | null> {
    return await writeRequests({ disk: this.#disk, folder: this.#folder, seq }, requests);
  }

  /**
   * Commits a generation whose data files have been written and synced. On failure, removes them if the disk allows.
   *
   * @returns the digest of the manifest
   * @throws {AppError} `disk_full`; `compaction_failed` when the manifest is too large to be read
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
      // Makes the names of the data files durable before the manifest that vouches for them.
      await changeFolder(this.#disk, this.#folder, () => writeNewFile(this.#disk, temporary, bytes));
      await changeFolder(this.#disk, this.#folder, () => this.#disk.rename(temporary, this.#path(seq, 'manifest')));
    } catch (error) {
      await this.#undo(seq);
      throw withDiskFull(error, 'Cannot write the snapshot');
    }
    return digest;
  }

  /** Ignores a failure to remove: a generation with a manifest is complete, and one without does not count. */
  async #undo(seq: number): Promise<void> {
    await this.remove(seq).catch(() => undefined);
  }

  /**
   * Computes the digest that the manifest of a generation will have once values in it are erased; see `erase-values.ts`.
   *
   * @param isErased tells which versions are erased
   */
  async digestErased(manifest: SnapshotManifest, isErased: (seq: number) => boolean): Promise<string> {
    return (await planErasure({ disk: this.#disk, folder: this.#folder, manifest, isErased })).digest;
  }

  /**
   * Erases values in a generation that stays.
   *
   * @param digest the one that was computed before
   */
  async erase(manifest: SnapshotManifest, isErased: (seq: number) => boolean, digest: string): Promise<SnapshotManifest> {
    const erased = await eraseValues({ disk: this.#disk, folder: this.#folder, manifest, isErased }, digest);
    await this.#files.drop(manifest.seq);
    return erased;
  }

  /** Removes a generation. Reads in progress complete; the caller makes sure that no new one starts. */
  async remove(seq: number): Promise<void> {
    await changeFolder(this.#disk, this.#folder, () => this.#disk.unlink(this.#path(seq, 'manifest')));
    await this.#files.drop(seq);
    for (const name of await this.#names()) if (name.seq === seq) await this.#disk.unlink(this.#path(seq, name.part));
  }

  /** Removes the files of interrupted attempts and returns their names. Not while an attempt is in progress. */
  async dropUnfinished(): Promise<readonly string[]> {
    const names = await this.#names();
    const committed = new Set(names.filter(({ part }) => part === 'manifest').map(({ seq }) => seq));
    const dropped = names.filter(({ seq, part }) => !(committed.has(seq) && LASTING_PARTS.has(part)));
    for (const { seq, part } of dropped) await this.#disk.unlink(this.#path(seq, part));
    return dropped.map(({ seq, part }) => snapshotName(seq, part));
  }

  /** Reads the keys of a generation; see `readIndex` in `read-generation.ts`. */
  readIndex(manifest: SnapshotManifest, hooks: ReadingHooks = {}): AsyncGenerator<readonly IndexEntry[]> {
    return readIndex({ disk: this.#disk, folder: this.#folder, manifest, ...hooks });
  }

  /** Reads the keys of a generation with their values; see `readEntries` in `read-generation.ts`. */
  readEntries(manifest: SnapshotManifest, hooks: ReadingHooks = {}): AsyncGenerator<readonly SnapshotEntry[]> {
    return readEntries({ disk: this.#disk, folder: this.#folder, manifest, ...hooks });
  }

  /**
   * Reads the keys of a generation with their values while other threads check them; see `readEntriesAhead` in `entries-ahead.ts`.
   *
   * @returns undefined if that is not worth its while
   */
  readEntriesAhead(manifest: SnapshotManifest, hooks: ReadingHooks = {}): AsyncGenerator<EntryGroup> | undefined {
    const checker = checkerFor(this.#checker, manifest);
    return checker && readEntriesAhead({ disk: this.#disk, folder: this.#folder, manifest, ...hooks }, checker);
  }

  /** Reads the requests of a generation; see `readRequests` in `read-generation.ts`. */
  readRequests(manifest: SnapshotManifest, hooks: ReadingHooks = {}): AsyncGenerator<readonly RememberedRequest[]> {
    return readRequests({ disk: this.#disk, folder: this.#folder, manifest, ...hooks });
  }

  /**
   * Checks every byte of the data files of a generation.
   *
   * @throws {SnapshotCorruptError} when anything differs from what was written
   */
  async verify(manifest: SnapshotManifest, hooks: ReadingHooks = {}): Promise<void> {
    const groups = readStoredEntries({ disk: this.#disk, folder: this.#folder, manifest, ...hooks });
    while ((await groups.next()).done !== true);
    for await (const _ of this.readRequests(manifest, hooks)) continue;
  }

  /**
   * Checks that the `.json` of a generation exists in its full size, without reading it.
   *
   * @throws {SnapshotCorruptError} when it does not
   */
  async checkSize({ seq, json }: SnapshotManifest): Promise<void> {
    const status = await this.#disk.status(this.#path(seq, 'json'));
    if (status?.sizeBytes === json.sizeBytes) return;
    const found = status === undefined ? 'none of that name' : `${status.sizeBytes} bytes`;
    throw new SnapshotCorruptError({ file: snapshotName(seq, 'json'), offset: 0 }, `a file of ${json.sizeBytes} bytes`, found);
  }

  /**
   * Reads one value of a generation.
   *
   * @param offset of the value in the `.json`, in bytes
   * @returns the bytes as they are on disk now; the caller checks their CRC
   * @throws {SnapshotCorruptError} when they are missing
   */
  async readValue(seq: number, offset: number, sizeBytes: number): Promise<Buffer> {
    const place = { file: snapshotName(seq, 'json'), offset };
    try {
      return await this.#files.use(seq, () => this.#disk.open(this.#path(seq, 'json'), 'read'), async (file) => {
        const bytes = Buffer.allocUnsafe(sizeBytes);
        const count = await file.read(bytes, offset);
        if (count === sizeBytes) return bytes;
        throw new SnapshotCorruptError(place, countText(sizeBytes, 'byte'), countText(count, 'byte'));
      });
    } catch (error) {
      throw asSnapshotDamage(error, place, `${sizeBytes} bytes to read`);
    }
  }

  /** Closes every file once it is idle. A later read opens its file again. */
  async close(): Promise<void> {
    await this.#files.close();
  }

  #path(seq: number, part: SnapshotName['part']): string {
    return join(this.#folder, snapshotName(seq, part));
  }

  async #names(): Promise<readonly SnapshotName[]> {
    return (await this.#disk.list(this.#folder)).map(parseSnapshotName).filter((name) => name !== undefined);
  }
}

/** The files of a committed generation. */
const LASTING_PARTS: ReadonlySet<SnapshotName['part']> = new Set<SnapshotName['part']>(['json', 'index', 'requests', 'manifest']);

async function readWhole(file: DiskFile, place: SnapshotPlace): Promise<Buffer> {
  const { sizeBytes } = await file.status();
  if (sizeBytes > MANIFEST_BYTES_MAX) {
    throw new SnapshotCorruptError(place, `at most ${MANIFEST_BYTES_MAX} bytes`, `${sizeBytes} bytes`);
  }
  const bytes = Buffer.alloc(sizeBytes);
  return bytes.subarray(0, await file.read(bytes, 0));
}
