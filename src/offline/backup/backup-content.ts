/**
 * The bytes of a backup: a tar of the files of each project and of the registry, as they were at one moment, and last the manifest. A
 * stream that breaks has no manifest, so what arrived never passes for a backup.
 *
 * Files are read while a server appends to the logs. Nothing written before that moment changes: an active segment only grows, and the
 * copy ends where it ended. It may get its other name meanwhile, when it is sealed.
 */
import { createHash } from 'node:crypto';
import { isErrno } from '../../base/app-error.js';
import type { Disk, ReadableFile } from '../../disk/disk.js';
import { encodeHeadFile } from '../../log/file/head-file.js';
import { LogPaths, segmentName } from '../../log/file/log-paths.js';
import { LogCorruptError } from '../../log/log-errors.js';
import type { BackupPlan, FixedProject, FixedLog } from '../../log/fixed-log.js';
import { snapshotName } from '../../projections/snapshot/snapshot-names.js';
import {
  BACKUP_MANIFEST_NAME, type BackedUpFile, type BackedUpLog, type BackupManifest, encodeBackupManifest,
} from './backup-manifest.js';
import { makeRegistry } from './made-registry.js';
import { encodeTarHeader, paddingAfter, TAR_BLOCK_BYTES, TAR_END } from './tar-format.js';

/** Bytes that are read at once. */
const PIECE_BYTES = 524_288;
/** One piece is read while the reader has the one before. */
const PIECES_IN_MEMORY = 2;
/** The files of a generation, of which not every one has requests. */
const PARTS = ['json', 'index', 'requests', 'manifest'] as const;
const NO_DIGEST = '0'.repeat(createHash('sha256').digest('hex').length);

/** A file of the backup: its bytes, or how to open it. */
interface SourceFile {
  readonly name: string;
  readonly sizeBytes: number;
  readonly bytes?: Buffer;
  readonly open?: () => Promise<ReadableFile>;
}

/** A backup that can be read once. */
interface BackupContent {
  /** Size of the whole backup in bytes. */
  readonly sizeBytes: number;
  /**
   * Reads the backup from its first byte to its last. A piece of {@link PIECE_BYTES} may change once the next one is asked for; new memory
   * for each of them would cost more than reading them.
   *
   * @throws {LogCorruptError} if a file is shorter than it was
   */
  pieces(): AsyncGenerator<Buffer, void, undefined>;
}

/**
 * Prepares a backup: looks every file up and sums up their sizes.
 *
 * @param dataFolder absolute; the files of the plan stay in it until the content was read
 */
export async function backupContent(disk: Disk, dataFolder: string, plan: BackupPlan): Promise<BackupContent> {
  const files: SourceFile[] = [];
  for (const project of plan.projects) files.push(...(await filesOf(disk, dataFolder, project)));
  const made = plan.registry === undefined ? makeRegistry(plan) : undefined;
  if (made !== undefined) files.push(...made.files.map(({ name, bytes }) => ({ name, bytes, sizeBytes: bytes.length })));
  if (plan.registry !== undefined) files.push(...(await filesOf(disk, dataFolder, { ...plan.registry, snapshots: [] })));
  const registry = made?.log ?? logOf(plan.registry ?? neverFixed());
  const manifestOf = (digests: readonly string[]): BackupManifest => ({
    time: new Date(plan.timeMs).toISOString(), is_whole: plan.registry !== undefined, registry,
    projects: plan.projects.map((project) => ({ id: project.project, ...logOf(project) })), skipped: plan.skipped,
    files: files.map(({ name, sizeBytes }, index): BackedUpFile => ({ name, bytes: sizeBytes, sha256: digests[index] ?? NO_DIGEST })),
  });
  const sizes = [...files.map(({ sizeBytes }) => sizeBytes), encodeBackupManifest(manifestOf([])).length];
  const sizeBytes = sizes.reduce((sum, size) => sum + TAR_BLOCK_BYTES + size + paddingAfter(size), TAR_END.length);
  return { sizeBytes, pieces: () => piecesOf(files, manifestOf, plan.timeMs) };
}

function logOf({ logId, firstSeq, end }: FixedLog): BackedUpLog {
  return { log_id: logId, first_seq: firstSeq, last_seq: end.seq, last_hash: end.hash };
}

function neverFixed(): never {
  throw new TypeError('A registry is either fixed or made');
}

async function* piecesOf(
  files: readonly SourceFile[], manifestOf: (digests: readonly string[]) => BackupManifest, timeMs: number,
): AsyncGenerator<Buffer, void, undefined> {
  const digests: string[] = [];
  const memory = new PieceMemory();
  for (const file of files) {
    const { name, sizeBytes, bytes } = file;
    yield encodeTarHeader({ name, sizeBytes, timeMs });
    const digest = createHash('sha256');
    for await (const piece of bytes === undefined ? contentOf(file, memory) : [bytes]) {
      digest.update(piece);
      yield piece;
    }
    digests.push(digest.digest('hex'));
    yield Buffer.alloc(paddingAfter(sizeBytes));
  }
  const manifest = encodeBackupManifest(manifestOf(digests));
  yield encodeTarHeader({ name: BACKUP_MANIFEST_NAME, sizeBytes: manifest.length, timeMs });
  yield Buffer.concat([manifest, Buffer.alloc(paddingAfter(manifest.length)), TAR_END]);
}

/** Memory for the pieces of one backup, whole ones in turn. */
class PieceMemory {
  readonly #whole: Buffer[] = [];
  #turn = 0;

  /** A shorter piece has memory of its own: its reader may still hold it when the next ones are read. */
  take(sizeBytes: number): Buffer {
    if (sizeBytes < PIECE_BYTES) return Buffer.allocUnsafe(sizeBytes);
    this.#turn = (this.#turn + 1) % PIECES_IN_MEMORY;
    return (this.#whole[this.#turn] ??= Buffer.allocUnsafe(PIECE_BYTES));
  }
}

async function* contentOf({ name, sizeBytes, open }: SourceFile, memory: PieceMemory): AsyncGenerator<Buffer, void, undefined> {
  if (open === undefined) return;
  const file = await open();
  const read = async (offset: number): Promise<Buffer> => {
    const piece = memory.take(Math.min(PIECE_BYTES, sizeBytes - offset));
    const count = await file.read(piece, offset);
    const place = { file: name, offset: offset + count };
    if (count < piece.length) throw new LogCorruptError(place, `a file of ${sizeBytes} bytes`, 'its end');
    return piece;
  };
  let next = sizeBytes > 0 ? read(0) : undefined;
  try {
    for (let offset = 0; next !== undefined;) {
      const piece = await next;
      offset += piece.length;
      next = offset < sizeBytes ? read(offset) : undefined;
      // The error of one that is not awaited, because the reader leaves, must not end the process.
      next?.catch(() => undefined);
      yield piece;
    }
  } finally {
    await next?.catch(() => undefined);
    await file.close();
  }
}

/** The files of a project, or of the registry: what never changes any more first, the active segment last. */
async function filesOf(disk: Disk, dataFolder: string, project: FixedProject): Promise<readonly SourceFile[]> {
  const { active, end, logId, sealed, snapshots } = project;
  const paths = new LogPaths(dataFolder, project.project);
  const segments = sealed.map(({ firstSeq, isCompressed }) => segmentName(firstSeq, isCompressed));
  const files: SourceFile[] = [];
  const optional = new Set(snapshots.map((seq) => snapshotName(seq, 'requests')));
  for (const name of [...segments, ...snapshots.flatMap((seq) => PARTS.map((part) => snapshotName(seq, part)))]) {
    const status = await disk.status(paths.inFolder(name));
    // The manifest in the backup says whether there must be one.
    if (status === undefined && optional.has(name)) continue;
    if (status === undefined) throw new LogCorruptError({ file: paths.shown(name), offset: 0 }, 'a file of that name', 'none');
    files.push({ name: paths.shown(name), sizeBytes: status.sizeBytes, open: () => disk.open(paths.inFolder(name), 'read') });
  }
  const head = encodeHeadFile({ logId, ...end });
  files.push({ name: paths.shown('head'), sizeBytes: head.length, bytes: head });
  files.push({ name: paths.activeName, sizeBytes: active.sizeBytes, open: () => openActive(disk, paths, project) });
  return files;
}

/** Opens the segment that was the active one, under the name that it has now. It may be sealed between two looks. */
async function openActive(disk: Disk, paths: LogPaths, { active: { firstSeq, inode }, end }: FixedLog): Promise<ReadableFile> {
  const sealed = paths.inFolder(segmentName(firstSeq));
  const isEmpty = end.seq < firstSeq;
  for (const path of [sealed, paths.active, sealed]) {
    const file = await openIfThere(disk, path);
    if (file === undefined) continue;
    if ((await file.status()).inode === inode) return file;
    // A segment without an event may have been replaced by one whose header has another format and is as long.
    if (isEmpty && (path === sealed || (await disk.status(sealed)) === undefined)) return file;
    await file.close();
  }
  throw new LogCorruptError({ file: paths.activeName, offset: 0 }, 'the segment that was written to', 'another file');
}

async function openIfThere(disk: Disk, path: string): Promise<ReadableFile | undefined> {
  try {
    return await disk.open(path, 'read');
  } catch (error) {
    if (isErrno(error, 'ENOENT')) return undefined;
    throw error;
  }
}
