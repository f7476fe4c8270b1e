/**
 * Reads a backup from its file. Every bit of the file is checked: contents against the digests in the manifest, the manifest against its
 * own, and everything between them against what this program writes there. So one that was cut short or changed is never accepted.
 */
import { createHash } from 'node:crypto';
import { basename } from 'node:path';
import { countText } from '../../base/count-text.js';
import type { Finding } from '../../base/finding.js';
import { closing, type Disk, type ReadableFile } from '../../disk/disk.js';
import { LogCorruptError } from '../../log/log-errors.js';
import { type ArchivedFile, BackupDisk } from './backup-disk.js';
import {
  BACKUP_MANIFEST_BYTES_MAX, BACKUP_MANIFEST_NAME, type BackedUpFile, type BackupManifest, decodeBackupManifest,
} from './backup-manifest.js';
import { decodeTarHeader, paddingAfter, TAR_BLOCK_BYTES, TAR_END, type TarFile } from './tar-format.js';

/** Bytes that are read at once. */
const PIECE_BYTES = 1_048_576;

/** How files of gzip, zstd, xz and bzip2 begin. */
const COMPRESSED: readonly Buffer[] = ['1f8b', '28b52ffd', 'fd377a58', '425a68'].map((digits) => Buffer.from(digits, 'hex'));
const TAR_MAGIC = 'ustar';
const TAR_MAGIC_OFFSET = 257;

/** A sound archive: the files in it are those of its manifest. Whether these are sound logs is another question. */
export interface OpenedBackup {
  readonly manifest: BackupManifest;
  /** Has the files of the backup under {@link OpenedBackup.dataFolder}. */
  readonly disk: Disk;
  /** The path of the backup, absolute. */
  readonly dataFolder: string;
}

/** How to read a backup. */
interface ReadBackupOptions {
  readonly signal?: AbortSignal | undefined;
  /** Called with the bytes that have been read, and their total. */
  onProgress?(doneBytes: number, totalBytes: number): void;
}

/**
 * Opens a backup and checks that it is complete and unchanged.
 *
 * @param path absolute
 * @throws {LogCorruptError} if it is not a whole backup
 */
export async function openBackup(disk: Disk, path: string, options: ReadBackupOptions = {}): Promise<OpenedBackup> {
  const { manifest, files } = await closing(
    await disk.open(path, 'read'), (file) => new ArchiveReader(file, basename(path), options).run(),
  );
  return { manifest, disk: new BackupDisk(disk, path, files), dataFolder: path };
}

/** Returns what is wrong with a backup, if that is why it could not be opened. */
export function faultOfBackup(error: unknown): Finding | undefined {
  return error instanceof LogCorruptError ? error.finding : undefined;
}

/** The manifest, and where each file is. */
type ArchiveContent = Pick<OpenedBackup, 'manifest'> & { readonly files: ReadonlyMap<string, ArchivedFile> };

/** Reads one archive from its beginning to its end. */
class ArchiveReader {
  readonly #file: ReadableFile;
  readonly #shownName: string;
  readonly #options: ReadBackupOptions;
  readonly #files = new Map<string, ArchivedFile>();
  readonly #found: BackedUpFile[] = [];
  /** For the pieces of large files. */
  #memory: Buffer | undefined;
  #offset = 0;
  #totalBytes = 0;

  constructor(file: ReadableFile, shownName: string, options: ReadBackupOptions) {
    this.#file = file;
    this.#shownName = shownName;
    this.#options = options;
  }

  async run(): Promise<ArchiveContent> {
    this.#totalBytes = (await this.#file.status()).sizeBytes;
    for (;;) {
      const headerOffset = this.#offset;
      const header = await this.#header();
      if (header.name === BACKUP_MANIFEST_NAME) return await this.#end(header);
      if (this.#files.has(header.name)) throw this.#corrupt(headerOffset, 'each file once', `"${header.name}" again`);
      this.#files.set(header.name, { offset: this.#offset, sizeBytes: header.sizeBytes });
      await this.#content(header);
    }
  }

  async #header(): Promise<TarFile> {
    const offset = this.#offset;
    const bytes = await this.#read(TAR_BLOCK_BYTES, 'the header of a file');
    const header = decodeTarHeader(bytes);
    if (header !== undefined) return header;
    const expected = 'the header of a file, as a backup has it';
    const isEnd = bytes.equals(TAR_END.subarray(0, TAR_BLOCK_BYTES));
    throw this.#corrupt(offset, isEnd ? `"${BACKUP_MANIFEST_NAME}" as the last file` : expected, isEnd ? 'the end' : kindOf(bytes));
  }

  async #content({ name, sizeBytes }: TarFile): Promise<void> {
    const digest = createHash('sha256');
    const end = this.#offset + sizeBytes;
    const memory = sizeBytes < PIECE_BYTES ? Buffer.allocUnsafe(sizeBytes) : (this.#memory ??= Buffer.allocUnsafe(PIECE_BYTES));
    while (this.#offset < end) digest.update(await this.#readInto(memory.subarray(0, end - this.#offset), `the content of "${name}"`));
    this.#found.push({ name, bytes: sizeBytes, sha256: digest.digest('hex') });
    await this.#zeros(paddingAfter(sizeBytes));
  }

  async #end({ name, sizeBytes }: TarFile): Promise<ArchiveContent> {
    const offset = this.#offset;
    if (sizeBytes > BACKUP_MANIFEST_BYTES_MAX) throw this.#corrupt(offset, `at most ${BACKUP_MANIFEST_BYTES_MAX} bytes`, `${sizeBytes}`);
    const decoded = decodeBackupManifest(await this.#read(sizeBytes, `"${name}"`));
    if ('fault' in decoded) throw this.#corrupt(offset, 'a manifest', decoded.fault);
    await this.#zeros(paddingAfter(sizeBytes) + TAR_END.length);
    if (this.#offset !== this.#totalBytes) throw this.#corrupt(this.#offset, 'the end of the backup', 'more bytes');
    this.#compare(decoded.manifest);
    return { manifest: decoded.manifest, files: this.#files };
  }

  #compare({ files }: BackupManifest): void {
    for (const [index, { name, bytes, sha256 }] of this.#found.entries()) {
      const stated = files[index];
      const { offset = 0 } = this.#files.get(name) ?? {};
      if (stated?.name === name && stated.bytes === bytes && stated.sha256 === sha256) continue;
      throw this.#corrupt(offset, stated === undefined ? 'no further file' : describe(stated), describe({ name, bytes, sha256 }));
    }
    const missing = files[this.#found.length];
    if (missing !== undefined) throw this.#corrupt(this.#offset, `the file "${missing.name}"`, 'none');
  }

  async #zeros(count: number): Promise<void> {
    const offset = this.#offset;
    const bytes = await this.#read(count, 'zeros');
    const wrong = bytes.findIndex((byte) => byte !== 0);
    if (wrong >= 0) throw this.#corrupt(offset + wrong, 'zeros', 'another byte');
  }

  async #read(count: number, what: string): Promise<Buffer> {
    this.#refuseBeyondEnd(count, what);
    return await this.#readInto(Buffer.allocUnsafe(count), what);
  }

  /** Checked before memory is taken: what a damaged header says may be any size. */
  #refuseBeyondEnd(count: number, what: string): void {
    if (count <= this.#totalBytes - this.#offset) return;
    throw this.#corrupt(this.#offset, what, `the end of the file after ${this.#totalBytes} bytes: the backup is incomplete`);
  }

  async #readInto(bytes: Buffer, what: string): Promise<Buffer> {
    this.#options.signal?.throwIfAborted();
    const count = bytes.length;
    this.#refuseBeyondEnd(count, what);
    const found = await this.#file.read(bytes, this.#offset);
    if (found !== count) throw this.#corrupt(this.#offset + found, what, 'the end of the file');
    this.#offset += count;
    this.#options.onProgress?.(this.#offset, this.#totalBytes);
    return bytes;
  }

  #corrupt(offset: number, expected: string, found: string): LogCorruptError {
    return new LogCorruptError({ file: this.#shownName, offset }, expected, found);
  }
}

/** What people have done to a backup is worth a word: all of it is still there. */
function kindOf(block: Buffer): string {
  if (COMPRESSED.some((mark) => block.subarray(0, mark.length).equals(mark))) return 'a compressed file: decompress it first';
  const isTar = block.toString('latin1', TAR_MAGIC_OFFSET, TAR_MAGIC_OFFSET + TAR_MAGIC.length) === TAR_MAGIC;
  return isTar ? 'a tar that another program wrote: extract it, and use the folder' : 'something else';
}

function describe({ name, bytes, sha256 }: BackedUpFile): string {
  return `"${name}" of ${countText(bytes, 'byte')} with the SHA-256 ${sha256}`;
}
