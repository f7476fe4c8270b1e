/**
 * A file of lines that only grows and that belongs to someone else: it may be rotated, committed or removed between two calls, so nothing
 * is kept open. A last line that a crash cut off stays as it is, since the file may allow nothing but appending; the next line does not
 * continue it.
 */
import { dirname } from 'node:path';
import { isErrno } from '../base/app-error.js';
import { appendAll, changeFolder, closing, type Disk, type DiskFile } from './disk.js';

const LINE_FEED = 0x0a;
const BLOCK_BYTES = 1_048_576;
/** How much of the end of a file is read, in bytes. */
const READ_BYTES_MAX = 67_108_864;

/** A file. Needs its folder, and not the file itself. */
export class LineFile {
  /** Absolute. */
  readonly path: string;
  readonly #disk: Disk;

  constructor(disk: Disk, path: string) {
    this.#disk = disk;
    this.path = path;
  }

  /**
   * Appends lines with one write and makes them durable.
   *
   * @param lines each with its line feed
   * @throws {ShortWriteError} if fewer bytes were written, or the errno of the call that failed; some of the lines may be in the file
   */
  async append(lines: string): Promise<void> {
    const { path } = this;
    try {
      await closing(await this.#disk.open(path, 'append'), (file) => append(file, lines));
    } catch (error) {
      if (!isErrno(error, 'ENOENT')) throw error;
      const create = async (): Promise<void> => await closing(await this.#disk.open(path, 'create'), (file) => write(file, lines));
      await changeFolder(this.#disk, dirname(path), create);
    }
  }

  /**
   * Reads whole lines from the last one to the first.
   *
   * @param bytesMax where to stop, in bytes from the end @default 67_108_864
   * @returns lines without their line feeds; none if there is no file
   */
  async* linesFromEnd(bytesMax: number = READ_BYTES_MAX): AsyncGenerator<string, void, undefined> {
    const file = await this.#disk.open(this.path, 'read').catch((error: unknown) => {
      if (isErrno(error, 'ENOENT')) return undefined;
      throw error;
    });
    if (file === undefined) return;
    try {
      yield* backwards(file, bytesMax);
    } finally {
      await file.close();
    }
  }
}

async function append(file: DiskFile, lines: string): Promise<void> {
  const { sizeBytes } = await file.status();
  const last = Buffer.alloc(1);
  const isWhole = sizeBytes === 0 || ((await file.read(last, sizeBytes - 1)) === 1 && last[0] === LINE_FEED);
  await write(file, isWhole ? lines : `\n${lines}`);
}

async function write(file: DiskFile, lines: string): Promise<void> {
  await appendAll(file, Buffer.from(lines));
  await file.datasync();
}

async function* backwards(file: DiskFile, bytesMax: number): AsyncGenerator<string, void, undefined> {
  const { sizeBytes } = await file.status();
  const stop = Math.max(0, sizeBytes - bytesMax);
  // The end of a line whose beginning is in an earlier block; at first, what follows the last line feed, which is no whole line.
  let rest: Buffer | undefined;
  for (let end = sizeBytes; end > stop;) {
    const start = Math.max(stop, end - BLOCK_BYTES);
    const block = Buffer.alloc(end - start);
    await file.read(block, start);
    let lineEnd = block.length;
    for (let at = block.lastIndexOf(LINE_FEED); at >= 0; at = at === 0 ? -1 : block.lastIndexOf(LINE_FEED, at - 1)) {
      if (rest !== undefined) yield Buffer.concat([block.subarray(at + 1, lineEnd), rest]).toString();
      rest = Buffer.alloc(0);
      lineEnd = at;
    }
    // Longer than any line of this program: it is not put together.
    if (rest !== undefined) rest = rest.length > BLOCK_BYTES ? Buffer.alloc(0) : Buffer.concat([block.subarray(0, lineEnd), rest]);
    end = start;
  }
  if (rest !== undefined && stop === 0) yield rest.toString();
}
