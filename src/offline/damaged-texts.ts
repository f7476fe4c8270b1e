/**
 * Pieces of the lines of a log that cannot be trusted, read again at any place and in any order. The text of a compressed segment can
 * only be inflated from its beginning: as much of it as is legible is written out once, to a file without a name.
 */
import { join } from 'node:path';
import type { TextPlace } from '../base/text-place.js';
import type { Disk } from '../disk/disk.js';
import { openLegible } from '../log/file/segment/inflate-segment.js';
import { openText, type SegmentFile, type SegmentText } from '../log/file/segment/segment-files.js';
import type { DamagedSegment } from './damaged-log.js';

/** Texts of one log; each stays open until the end, since opening one again would mean to inflate it again. */
export class DamagedTexts {
  readonly #disk: Disk;
  readonly #segments: readonly DamagedSegment[];
  readonly #scratchFolder: string;
  readonly #texts = new Map<number, Promise<SegmentText>>();

  /**
   * @param segments of the log, as `DamagedLog` found them
   * @param scratchFolder where texts are written out, absolute; it has room for the plain text of all compressed segments
   */
  constructor(disk: Disk, segments: readonly DamagedSegment[], scratchFolder: string) {
    this.#disk = disk;
    this.#segments = segments;
    this.#scratchFolder = scratchFolder;
  }

  /**
   * Reads a piece of a line.
   *
   * @param place of a line that `DamagedLog.linesAfter` gave
   * @returns its bytes; whether they are the right ones is for the caller to check
   */
  async read({ segment, offset, sizeBytes }: TextPlace): Promise<Buffer> {
    const file = this.#segments[segment]?.file;
    if (file === undefined) throw new TypeError('Cannot read a line again: its place is none of this log');
    const opening = this.#texts.get(segment) ?? this.#open(segment, file);
    this.#texts.set(segment, opening);
    const bytes = Buffer.allocUnsafe(sizeBytes);
    return bytes.subarray(0, await (await opening).read(bytes, offset));
  }

  #open(segment: number, file: SegmentFile): Promise<SegmentText> {
    if (!file.isCompressed) return openText(this.#disk, file);
    return openLegible(this.#disk, file, join(this.#scratchFolder, `inflated-${segment}`));
  }

  /** Closes every descriptor. */
  async close(): Promise<void> {
    for (const opening of await Promise.allSettled(this.#texts.values())) {
      if (opening.status === 'fulfilled') await opening.value.close();
    }
    this.#texts.clear();
  }
}
