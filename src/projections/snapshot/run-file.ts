/**
 * Run files: sorted changes that did not fit into memory, on disk for the duration of one attempt to build a generation. What a run file
 * should contain is known only in memory, so that whatever the disk returns instead is found before any of it is used.
 *
 * Not synced: no run file is read after a crash. The next startup or attempt drops what a crash leaves.
 */
import { join } from 'node:path';
import { crc32 } from 'node:zlib';
import { appendAll, closing, type Disk, type DiskFile } from '../../disk/disk.js';
import type { ChangeBlock } from './change-block.js';
import { RunDamagedError } from './snapshot-errors.js';

/** A piece of a run file. */
interface RunPiece {
  readonly sizeBytes: number;
  /** CRC-32 of its bytes. */
  readonly crc: number;
}

/** A written run file. */
export interface RunFile {
  readonly name: string;
  /** Its blocks in the order of the file, each followed by the value that its only record lacks. */
  readonly blocks: readonly (RunPiece & { readonly value: RunPiece | undefined })[];
}

/** Where a run file is. */
interface RunPlace {
  readonly disk: Disk;
  readonly folder: string;
}

/** Writes a run file, which must not exist. The caller removes it, also after a failure. */
export async function writeRun({ disk, folder }: RunPlace, name: string, blocks: AsyncIterable<ChangeBlock>): Promise<RunFile> {
  const written: RunFile['blocks'][number][] = [];
  await closing(await disk.open(join(folder, name), 'create'), async (file) => {
    for await (const { bytes, value } of blocks) {
      const block = await append(file, bytes);
      written.push({ ...block, value: value && (await append(file, await value())) });
    }
  });
  return { name, blocks: written };
}

async function append(file: DiskFile, bytes: Buffer): Promise<RunPiece> {
  await appendAll(file, bytes);
  return { sizeBytes: bytes.length, crc: crc32(bytes) };
}

/**
 * Reads a run file.
 *
 * @returns the blocks that were written
 * @throws {RunDamagedError} when the disk returns other bytes; the values that blocks lack throw it as well
 */
export async function* readRun({ disk, folder }: RunPlace, { name, blocks }: RunFile): AsyncGenerator<ChangeBlock> {
  const file = await disk.open(join(folder, name), 'read');
  const read = async ({ sizeBytes, crc }: RunPiece, offset: number): Promise<Buffer> => {
    const bytes = Buffer.allocUnsafe(sizeBytes);
    const count = await file.read(bytes, offset);
    if (count !== sizeBytes || crc32(bytes) !== crc) throw new RunDamagedError(name, offset);
    return bytes;
  };
  try {
    let offset = 0;
    for (const block of blocks) {
      const { value } = block;
      const valueOffset = offset + block.sizeBytes;
      yield { bytes: await read(block, offset), value: value && (() => read(value, valueOffset)) };
      offset = valueOffset + (value?.sizeBytes ?? 0);
    }
  } finally {
    await file.close();
  }
}
