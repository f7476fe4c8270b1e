/**
 * The sealed segments of an open log, and how they are compressed and removed. The order of the steps makes a crash between any two
 * of them recoverable:
 *
 * - Compressing: write the copy to `<id>/compressing` and sync it, read it back and compare, rename it and sync the folder; then
 *   remove the plain file and sync the folder. A crash before the rename leaves a file that the next startup removes. A crash after
 *   it leaves both forms; startup keeps both and uses one, because it does not read them completely.
 * - Keeping one of two forms: the caller has verified the one that stays; remove the other and sync the folder. A crash leaves one
 *   form or both.
 * - Erasing: write the new text to `<id>/erasing` and sync it, read it back and compare, rename it over the old file and sync the folder. A
 *   crash before the rename leaves a file that the next startup removes, and lines that are still to be erased.
 * - Removing: remove the file and sync the folder. A crash leaves the segment or not; its removal was recorded before.
 */
import { withDiskFull } from '../../../base/app-error.js';
import { invariant } from '../../../base/invariant.js';
import { changeFolder, type Disk } from '../../../disk/disk.js';
import { LogCorruptError } from '../../log-errors.js';
import type { SealedSegment, SealedSegments } from '../../log.js';
import type { LogPaths } from '../log-paths.js';
import type { OpenLogReader } from '../reading/open-log-reader.js';
import { writeErasedCopy } from './erased-copy.js';
import { writeGzipCopy } from './gzip-writer.js';
import { digestText } from './read-text.js';
import { checkSeal, readSeal } from './segment-check.js';
import { activeFile, headerOf, segmentFile, storedBytesOf, withText } from './segment-files.js';
import { findSoundFile } from './verify-segment.js';

/** The sealed segments of a log in files. */
export class FileSealedSegments implements SealedSegments {
  readonly #disk: Disk;
  readonly #paths: LogPaths;
  readonly #reader: OpenLogReader;
  /** Oldest first. */
  #segments: readonly SealedSegment[];

  /**
   * @param segments the existing segments, oldest first
   * @param reader reads the log, and may hold a segment's files open
   */
  constructor(disk: Disk, paths: LogPaths, segments: readonly SealedSegment[], reader: OpenLogReader) {
    this.#disk = disk;
    this.#paths = paths;
    this.#reader = reader;
    this.#segments = segments;
  }

  list(): readonly SealedSegment[] {
    return this.#segments;
  }

  /**
   * Adds a segment that was just sealed.
   *
   * @param segment the newest one
   */
  add(segment: SealedSegment): void {
    this.#segments = [...this.#segments, segment];
  }

  async sealedAtMs(firstSeq: number): Promise<number | undefined> {
    return await this.#reader.timeOf(this.#get(firstSeq).lastSeq + 1);
  }

  async compress(firstSeq: number): Promise<void> {
    const segment = this.#get(firstSeq);
    invariant(!segment.isCompressed, 'a segment is compressed once');
    const storedBytes = await this.#writeCopy(segment);
    const { disk, paths } = { disk: this.#disk, paths: this.#paths };
    const packed = segmentFile(paths, { firstSeq, isCompressed: true });
    await changeFolder(disk, paths.folder, () => disk.rename(paths.compressing, packed.path));
    // From here on readers open the copy. Readers that have the plain file open continue in it.
    this.#change({ ...segment, storedBytes, isCompressed: true, isDoubled: true });
    await this.#removeOtherForm(firstSeq);
  }

  async keepForm(firstSeq: number, isCompressed: boolean): Promise<void> {
    const segment = this.#get(firstSeq);
    invariant(segment.isDoubled === true, 'only one of two forms can be removed');
    if (segment.isCompressed !== isCompressed) await this.#useOtherForm(segment);
    await this.#removeOtherForm(firstSeq);
  }

  async #useOtherForm(segment: SealedSegment): Promise<void> {
    const { firstSeq } = segment;
    const isCompressed = !segment.isCompressed;
    const file = segmentFile(this.#paths, { firstSeq, isCompressed });
    const next = this.#segments.find((one) => one.firstSeq > firstSeq);
    const nextHeader = await headerOf(this.#disk, next === undefined ? activeFile(this.#paths) : segmentFile(this.#paths, next));
    const sizeBytes = await withText(this.#disk, file, async (text) => {
      // The hash in the next header covers every line before it, in whichever form they are read.
      checkSeal(await readSeal(text, { firstSeq, shownName: file.shownName }), nextHeader);
      return (await text.status()).sizeBytes;
    });
    const storedBytes = await storedBytesOf(this.#disk, file);
    this.#change({ ...segment, sizeBytes, storedBytes, isCompressed });
  }

  /** Removes the form of a segment that is not in use. */
  async #removeOtherForm(firstSeq: number): Promise<void> {
    await this.#reader.drop(firstSeq);
    const { isDoubled: _, ...segment } = this.#get(firstSeq);
    const other = segmentFile(this.#paths, { firstSeq, isCompressed: !segment.isCompressed });
    await changeFolder(this.#disk, this.#paths.folder, () => this.#disk.unlink(other.path));
    this.#change(segment);
  }

  #change(changed: SealedSegment): void {
    this.#segments = this.#segments.map((one) => (one.firstSeq === changed.firstSeq ? changed : one));
  }

  /** Writes the compressed copy under its temporary name and verifies that it holds the same text; returns its size on disk in bytes. */
  async #writeCopy(segment: SealedSegment): Promise<number> {
    const { compressing } = this.#paths;
    const plain = segmentFile(this.#paths, segment);
    await this.#disk.unlink(compressing);
    try {
      await withText(this.#disk, plain, (text) => writeGzipCopy(this.#disk, { text, nextSeq: segment.lastSeq + 1 }, compressing));
      const wanted = await withText(this.#disk, plain, digestText);
      const copy = { path: compressing, shownName: this.#paths.shown('compressing'), isCompressed: true };
      const found = await withText(this.#disk, copy, digestText);
      if (found !== wanted) throw new LogCorruptError({ file: copy.shownName, offset: 0 }, `the SHA-256 ${wanted}`, found);
      return await storedBytesOf(this.#disk, copy);
    } catch (error) {
      // If this fails too, the next attempt or startup removes the file.
      await this.#disk.unlink(compressing).catch(() => undefined);
      throw withDiskFull(error, `Cannot compress "${plain.shownName}"`);
    }
  }

  async erase(firstSeq: number, seqs: readonly number[]): Promise<void> {
    const { disk, paths } = { disk: this.#disk, paths: this.#paths };
    const { erasures } = this.#reader;
    await erasures.require(seqs);
    if (this.#get(firstSeq).isDoubled === true) {
      await this.keepForm(firstSeq, (await findSoundFile(disk, paths, this.#get(firstSeq), erasures)).isCompressed);
    }
    const segment = this.#get(firstSeq);
    const file = segmentFile(paths, segment);
    try {
      const storedBytes = await writeErasedCopy(disk, paths, { ...segment, file }, erasures);
      if (storedBytes === undefined) return;
      await changeFolder(disk, paths.folder, () => disk.rename(paths.erasing, file.path));
      this.#change({ ...segment, storedBytes });
    } catch (error) {
      // If this fails too, the next attempt or startup removes the file.
      await disk.unlink(paths.erasing).catch(() => undefined);
      throw withDiskFull(error, `Cannot erase lines of "${file.shownName}"`);
    }
    // From here on, new reads open the new file.
    await this.#reader.drop(firstSeq);
  }

  async remove(firstSeq: number): Promise<void> {
    const segment = this.#get(firstSeq);
    invariant(segment === this.#segments[0], 'the oldest segment is removed first');
    const before = this.#segments;
    // A read that starts now starts after it.
    this.#segments = before.slice(1);
    try {
      await this.#reader.drop(firstSeq);
      await changeFolder(this.#disk, this.#paths.folder, async () => {
        for (const isCompressed of [true, false]) await this.#disk.unlink(segmentFile(this.#paths, { firstSeq, isCompressed }).path);
      });
    } catch (error) {
      if ((await this.#disk.status(segmentFile(this.#paths, segment).path)) !== undefined) this.#segments = [segment, ...this.#segments];
      throw error;
    }
  }

  #get(firstSeq: number): SealedSegment {
    const segment = this.#segments.find((one) => one.firstSeq === firstSeq);
    invariant(segment !== undefined, `there is a sealed segment that begins with seq ${firstSeq}`);
    return segment;
  }
}
