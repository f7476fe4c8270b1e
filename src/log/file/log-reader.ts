/**
 * Reads a log's segments one after another, checking every line against the chain, and remembers where it is, so that a
 * follower reads nothing twice.
 */
import { LogCorruptError } from '../log-errors.js';
import type { LogLine } from '../log.js';
import type { Disk, DiskFile } from '../../disk/disk.js';
import { type LogPaths, segmentName } from './log-paths.js';
import { checkHeader, readHeader, SegmentReader } from './segment-reader.js';

/** What a reader must know of the log that it reads; asked anew each time, since the log goes on. */
export interface ReaderSource {
  readonly logId: string;
  /** First seqs of all segments, ascending; the last one is the active segment's. */
  firstSeqs(): readonly number[];
  /** Accepted bytes of the active segment. */
  activeBytes(): number;
}

/** A segment that is being read. */
interface OpenSegment {
  readonly file: DiskFile;
  readonly reader: SegmentReader;
  readonly firstSeq: number;
  readonly shownName: string;
}

/** One reader. */
export class LogReader {
  readonly #disk: Disk;
  readonly #paths: LogPaths;
  readonly #source: ReaderSource;
  #open: OpenSegment | undefined;

  /**
   * @param disk the disk
   * @param paths the project's paths
   * @param source the log
   */
  constructor(disk: Disk, paths: LogPaths, source: ReaderSource) {
    this.#disk = disk;
    this.#paths = paths;
    this.#source = source;
  }

  /**
   * Reads on from where the last call stopped, or from the start of the segment that holds `fromSeq`.
   *
   * @param fromSeq first seq wanted
   * @param toSeq last seq wanted; must be accepted already
   * @returns lines in order
   * @throws {LogCorruptError} when a line on disk is not the one that was written
   */
  async *lines(fromSeq: number, toSeq: number): AsyncGenerator<LogLine> {
    let seq = fromSeq;
    while (seq <= toSeq) {
      const segment = this.#open ?? (await this.#openSegmentOf(seq));
      const isActive = segment.firstSeq === this.#source.firstSeqs().at(-1);
      const endOffset = isActive ? this.#source.activeBytes() : (await segment.file.status()).sizeBytes;
      // Lines that were appended since the call stay unread: the reader's place must not run ahead of what it has given.
      for await (const group of segment.reader.lines(endOffset, toSeq)) {
        for (const line of group) {
          if (line.seq < seq) continue;
          yield line;
          seq = line.seq + 1;
        }
      }
      const { end, place } = segment.reader;
      if (end.kind === 'sealed') {
        await this.close();
        continue;
      }
      if (seq > toSeq) return;
      const fault = end.kind === 'faulty' ? end.record.fault : { expected: 'a line', found: 'the end of the file' };
      throw new LogCorruptError({ file: segment.shownName, offset: place.offset, seq: place.seq }, fault.expected, fault.found);
    }
  }

  async #openSegmentOf(seq: number): Promise<OpenSegment> {
    const firstSeqs = this.#source.firstSeqs();
    const firstSeq = firstSeqs.findLast((first) => first <= seq) ?? 1;
    const sealedName = segmentName(firstSeq);
    const active = { path: this.#paths.active, shownName: this.#paths.activeName };
    const sealed = { path: this.#paths.inFolder(sealedName), shownName: this.#paths.shown(sealedName) };
    // The active segment may be sealed, and its name given to the next one, between the question and the opening.
    const isActive = firstSeq === firstSeqs.at(-1);
    const opened = (isActive ? await this.#openIfFirst(active, firstSeq) : undefined) ?? (await this.#openIfFirst(sealed, firstSeq));
    if (opened === undefined) {
      throw new LogCorruptError(
        { file: sealed.shownName, offset: 0, seq: firstSeq }, `a segment with first_seq ${firstSeq}`, 'another one or none',
      );
    }
    this.#open = opened;
    return opened;
  }

  /** Opens a file if it is there and the segment in it begins with a seq. */
  async #openIfFirst(name: { readonly path: string; readonly shownName: string }, firstSeq: number): Promise<OpenSegment | undefined> {
    if ((await this.#disk.status(name.path)) === undefined) return undefined;
    const file = await this.#disk.open(name.path, 'read');
    try {
      const { header, sizeBytes } = await readHeader(file, name.shownName);
      if (header.firstSeq !== firstSeq) {
        await file.close();
        return undefined;
      }
      checkHeader(header, { project: this.#paths.project, logId: this.#source.logId, firstSeq }, name.shownName);
      const reader = new SegmentReader(file, { offset: sizeBytes, seq: firstSeq, previousHash: header.previousHash, durable: 0 });
      return { file, reader, firstSeq, shownName: name.shownName };
    } catch (error) {
      await file.close();
      throw error;
    }
  }

  /** Lets go of the descriptor. */
  async close(): Promise<void> {
    const open = this.#open;
    this.#open = undefined;
    await open?.file.close();
  }
}
