/**
 * The sealed segments of an open log: which there are, and compressing and removing them. The order of the steps makes a crash
 * between any two of them recoverable:
 *
 * - Compressing: the copy is written to `<id>/compressing` and synced, read back and compared, renamed to its name, which is synced;
 *   then the plain file goes, and that is synced. A crash before the rename leaves a file that the next start drops; one after it
 *   leaves both forms. A start keeps both and uses one, since it does not read them through.
 * - Keeping one of two forms: the one that stays was read through, the other goes, and that is synced. A crash leaves both or one.
 * - Removing: the name goes, and that is synced. A crash leaves the segment or does not; its removal has been recorded before.
 */
import { withDiskFull } from '../../../base/app-error.js';
import { invariant } from '../../../base/invariant.js';
import { changeFolder, type Disk } from '../../../disk/disk.js';
import type { SegmentHeader } from '../../line-format.js';
import { LogCorruptError } from '../../log-errors.js';
import type { SealedSegment, SealedSegments } from '../../log.js';
import { digestText, writeGzipCopy } from './gzip-writer.js';
import type { LogPaths } from '../log-paths.js';
import type { OpenLogReader } from '../reading/open-log-reader.js';
import { checkSeal, readSeal } from './segment-check.js';
import { asReadable } from '../segment-list.js';
import { readHeader } from './segment-reader.js';
import { activeFile, type ReadableSegment, sealedFile, withText } from './segment-files.js';

/** The sealed segments of a log in files. */
export class FileSealedSegments implements SealedSegments {
  readonly #disk: Disk;
  readonly #paths: LogPaths;
  readonly #readings: OpenLogReader;
  /** Oldest first. */
  #segments: readonly SealedSegment[];

  /** @param parts the segments that there are, oldest first, and what reads the log */
  constructor(disk: Disk, paths: LogPaths, parts: { readonly segments: readonly SealedSegment[]; readonly readings: OpenLogReader }) {
    this.#disk = disk;
    this.#paths = paths;
    this.#readings = parts.readings;
    this.#segments = parts.segments;
  }

  list(): readonly SealedSegment[] {
    return this.#segments;
  }

  /** @returns the segments as readers know them, oldest first */
  readable(): readonly ReadableSegment[] {
    return this.#segments.map(asReadable);
  }

  /**
   * Counts a segment that has just been sealed.
   *
   * @param segment the newest one
   */
  add(segment: SealedSegment): void {
    this.#segments = [...this.#segments, segment];
  }

  async sealedAtMs(firstSeq: number): Promise<number | undefined> {
    return await this.#readings.timeOf(this.#get(firstSeq).lastSeq + 1);
  }

  async compress(firstSeq: number): Promise<void> {
    const segment = this.#get(firstSeq);
    invariant(!segment.isCompressed, 'a segment is compressed once');
    const storedBytes = await this.#makeCopy(segment);
    const { disk, paths } = { disk: this.#disk, paths: this.#paths };
    const packed = sealedFile(paths, { firstSeq, isCompressed: true });
    await changeFolder(disk, paths.folder, () => disk.rename(paths.compressing, packed.path));
    // From here on readers open the copy; who has the plain file open reads on in it.
    this.#change({ ...segment, storedBytes, isCompressed: true, isDoubled: true });
    await this.#dropOtherForm(firstSeq);
  }

  async keepForm(firstSeq: number, isCompressed: boolean): Promise<void> {
    const segment = this.#get(firstSeq);
    invariant(segment.isDoubled === true, 'one of two forms goes');
    if (segment.isCompressed !== isCompressed) await this.#useOtherForm(segment);
    await this.#dropOtherForm(firstSeq);
  }

  async #useOtherForm(segment: SealedSegment): Promise<void> {
    const isCompressed = !segment.isCompressed;
    const file = sealedFile(this.#paths, { firstSeq: segment.firstSeq, isCompressed });
    const sizeBytes = await withText(this.#disk, file, async (text) => {
      // The hash that the next header goes on from covers every line before it, whichever form they are read in.
      checkSeal(await readSeal(text, { firstSeq: segment.firstSeq, shownName: file.shownName }), await this.#headerAfter(segment));
      return (await text.status()).sizeBytes;
    });
    const storedBytes = (await this.#disk.status(file.path))?.sizeBytes ?? 0;
    this.#change({ ...segment, sizeBytes, storedBytes, isCompressed });
  }

  async #headerAfter({ firstSeq }: SealedSegment): Promise<SegmentHeader> {
    const next = this.#segments.find((one) => one.firstSeq > firstSeq);
    const file = next === undefined ? activeFile(this.#paths) : sealedFile(this.#paths, next);
    return (await withText(this.#disk, file, (text) => readHeader(text, file.shownName))).header;
  }

  /** Removes the form of a segment that is not in use. */
  async #dropOtherForm(firstSeq: number): Promise<void> {
    await this.#readings.drop(firstSeq);
    const { isDoubled: _, ...segment } = this.#get(firstSeq);
    const other = sealedFile(this.#paths, { firstSeq, isCompressed: !segment.isCompressed });
    await changeFolder(this.#disk, this.#paths.folder, () => this.#disk.unlink(other.path));
    this.#change(segment);
  }

  #change(changed: SealedSegment): void {
    this.#segments = this.#segments.map((one) => (one.firstSeq === changed.firstSeq ? changed : one));
  }

  /** Writes the compressed copy under its temporary name, and proves that it holds the same text; its size on disk in bytes. */
  async #makeCopy(segment: SealedSegment): Promise<number> {
    const { compressing } = this.#paths;
    const plain = sealedFile(this.#paths, segment);
    await this.#disk.unlink(compressing);
    try {
      await withText(this.#disk, plain, (text) => writeGzipCopy(this.#disk, { text, nextSeq: segment.lastSeq + 1 }, compressing));
      const wanted = await withText(this.#disk, plain, digestText);
      const copy = { path: compressing, shownName: this.#paths.shown('compressing'), isCompressed: true };
      const found = await withText(this.#disk, copy, digestText);
      if (found !== wanted) throw new LogCorruptError({ file: copy.shownName, offset: 0 }, `the SHA-256 ${wanted}`, found);
      return (await this.#disk.status(compressing))?.sizeBytes ?? 0;
    } catch (error) {
      // What cannot be removed now is dropped by the next attempt or start.
      await this.#disk.unlink(compressing).catch(() => undefined);
      throw withDiskFull(error, `Cannot compress "${plain.shownName}"`);
    }
  }

  async remove(firstSeq: number): Promise<void> {
    const segment = this.#get(firstSeq);
    invariant(segment === this.#segments[0], 'the oldest segment goes first');
    const before = this.#segments;
    // A reading that begins now begins after it.
    this.#segments = before.slice(1);
    try {
      await this.#readings.drop(firstSeq);
      await changeFolder(this.#disk, this.#paths.folder, async () => {
        // Both forms, where there are two: the text is what goes.
        for (const isCompressed of [true, false]) await this.#disk.unlink(sealedFile(this.#paths, { firstSeq, isCompressed }).path);
      });
    } catch (error) {
      if ((await this.#disk.status(sealedFile(this.#paths, segment).path)) !== undefined) this.#segments = [segment, ...this.#segments];
      throw error;
    }
  }

  #get(firstSeq: number): SealedSegment {
    const segment = this.#segments.find((one) => one.firstSeq === firstSeq);
    invariant(segment !== undefined, `there is a sealed segment that begins with seq ${firstSeq}`);
    return segment;
  }
}
