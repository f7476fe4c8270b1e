/**
 * Reads the segments of a log in order and checks every line against the chain. Keeps its position between calls, so that a follower
 * reads nothing twice.
 */
import type { Disk } from '../../../disk/disk.js';
import type { Erasures } from '../../erased-lines.js';
import { isIllegible, LinesDroppedError, LogCorruptError } from '../../log-errors.js';
import type { DueLine } from '../../line-format.js';
import type { LogLine } from '../../log.js';
import type { ListedSegment, LogPaths } from '../log-paths.js';
import type { LineChecker } from '../segment/checked-lines.js';
import { activeFile, type HeaderCheck, openSegment, segmentFile, type SegmentFile, type SegmentText } from '../segment/segment-files.js';
import { checkHeader, SegmentReader } from '../segment/segment-reader.js';

/** The log that is read. Its answers may change between calls, since lines are appended and segments sealed meanwhile. */
interface ReaderSource {
  readonly logId: string;
  /** All segments, oldest first. */
  segments(): Promise<readonly ListedSegment[]>;
  /**
   * The active segment at this moment, with its accepted bytes. Undefined for a log that another process may write: then its last whole
   * line ends it.
   */
  active(): { readonly firstSeq: number; readonly sizeBytes: number } | undefined;
  /** Checks the lines of sealed segments ahead of the reading. @default none */
  readonly checker?: LineChecker | undefined;
  readonly erasures: Erasures;
}

/** The segment being read. */
interface CurrentSegment {
  readonly text: SegmentText;
  readonly reader: SegmentReader;
  readonly firstSeq: number;
  readonly shownName: string;
  /** The other form of the same text, to continue in if this one is damaged. */
  readonly other: ListedSegment | undefined;
}

/** How often to list the segments again when one was sealed, compressed or removed between listing and opening it. */
const OPEN_ATTEMPTS = 4;

/** Reads one log. */
export class LogReader {
  readonly #disk: Disk;
  readonly #paths: LogPaths;
  readonly #source: ReaderSource;
  #current: CurrentSegment | undefined;

  constructor(disk: Disk, paths: LogPaths, source: ReaderSource) {
    this.#disk = disk;
    this.#paths = paths;
    this.#source = source;
  }

  /**
   * Reads on from where the last call stopped, or from the start of the segment that holds `fromSeq`.
   *
   * @param toSeq last seq to read; must be accepted, unless the source does not know the accepted bytes
   * @returns lines in order, in groups
   * @throws {LogCorruptError} if a line on disk is not the one that was written
   * @throws {LinesDroppedError} if the segment of a line has been removed
   */
  async *groups(fromSeq: number, toSeq: number): AsyncGenerator<readonly LogLine[]> {
    let seq = fromSeq;
    let ended: CurrentSegment | undefined;
    while (seq <= toSeq) {
      const segment = this.#current ?? (await this.#openSegmentOf(seq, ended));
      if (segment === undefined) return;
      const segments = await this.#source.segments();
      const isActive = segments.find(({ firstSeq }) => firstSeq === segment.firstSeq)?.isActive === true;
      const nextSeq = segments.find(({ firstSeq }) => firstSeq > segment.firstSeq)?.firstSeq;
      // Only a segment that is read to its end is checked ahead.
      const stopSeq = nextSeq !== undefined && nextSeq - 1 <= toSeq ? undefined : toSeq;
      // Asked anew: the segment may have been sealed since the list was made.
      const active = this.#source.active();
      const endOffset = active?.firstSeq === segment.firstSeq ? active.sizeBytes : (await segment.text.status()).sizeBytes;
      // Stops at `toSeq` although more lines may have been appended: the position must not run ahead of what was yielded.
      for await (const group of segment.reader.lines(endOffset, stopSeq)) {
        const wanted = group[0] !== undefined && group[0].seq < seq ? group.filter((line) => line.seq >= seq) : group;
        if (wanted.length > 0) yield wanted;
        seq = Math.max(seq, segment.reader.place.seq);
      }
      if (segment.reader.end.kind === 'sealed') {
        ended = segment;
        await this.close();
      } else if (seq <= toSeq && !(await this.#continueInOtherForm(segment))) return this.#refuseUnlessUnfinished(segment, isActive);
    }
  }

  /**
   * Reads line by line; see {@link LogReader.groups}.
   *
   * @returns lines in order
   */
  async *lines(fromSeq: number, toSeq: number): AsyncGenerator<LogLine> {
    for await (const group of this.groups(fromSeq, toSeq)) yield* group;
  }

  /** Continues at the same place of the other form's text; false if there is no other form, or it cannot be read either. */
  async #continueInOtherForm({ other, reader }: CurrentSegment): Promise<boolean> {
    if (other === undefined) return false;
    await this.close();
    try {
      this.#current = await this.#openListed(other, undefined);
    } catch (error) {
      if (!isIllegible(error)) throw error;
    }
    if (this.#current === undefined) return false;
    const { place, end } = reader;
    // A last line without its line feed was accepted; the next line begins after it.
    const offset = end.kind === 'unterminated' ? place.offset + 1 : place.offset;
    this.#current = { ...this.#current, reader: this.#readerOf(this.#current.text, { ...place, offset }) };
    return true;
  }

  /** A segment may end here only if another process is writing it and its last line is not complete yet. */
  #refuseUnlessUnfinished(segment: CurrentSegment, isActive: boolean): void {
    const { end, place } = segment.reader;
    const isWhole = end.kind !== 'faulty' || !end.record.terminated;
    if (isActive && isWhole && this.#source.active() === undefined) return;
    const fault = end.kind === 'faulty' ? end.record.fault : { expected: 'a line', found: 'the end of the file' };
    throw new LogCorruptError({ file: segment.shownName, offset: place.offset, seq: place.seq }, fault.expected, fault.found);
  }

  /** Opens the segment of a seq; undefined if the ended segment is the last one and its rotation is still incomplete. */
  async #openSegmentOf(seq: number, ended: CurrentSegment | undefined): Promise<CurrentSegment | undefined> {
    let sought: SegmentFile = activeFile(this.#paths);
    for (let attempt = 0; attempt < OPEN_ATTEMPTS; attempt += 1) {
      const segments = await this.#source.segments();
      const found = segments.findLast((segment) => segment.firstSeq <= seq);
      if (found === undefined) throw new LinesDroppedError(seq, segments[0]?.firstSeq ?? seq);
      sought = segmentFile(this.#paths, found);
      if (found.firstSeq === ended?.firstSeq) {
        if (this.#source.active() === undefined) return undefined;
        break;
      }
      this.#current = await this.#openListed(found, ended);
      if (this.#current !== undefined) return this.#current;
    }
    throw new LogCorruptError({ file: sought.shownName, offset: 0, seq }, `a segment that holds seq ${seq}`, 'another one or none');
  }

  async #openListed(segment: ListedSegment, ended: CurrentSegment | undefined): Promise<CurrentSegment | undefined> {
    const { firstSeq } = segment;
    const before = ended?.reader.place;
    const previousHash = before?.seq === firstSeq ? before.previousHash : undefined;
    const dueHeader = { project: this.#paths.project, logId: this.#source.logId, firstSeq, previousHash };
    const check: HeaderCheck = (header, shownName) => checkHeader(header, dueHeader, shownName);
    const opened = await openSegment(this.#disk, this.#paths, segment, check);
    if (opened === undefined) return undefined;
    const { file, text, header, headerBytes: offset } = opened;
    const due = { segment: firstSeq, offset, seq: firstSeq, previousHash: header.previousHash, durable: 0 };
    const reader = this.#readerOf(text, due, this.#source.checker);
    const hasOther = segment.isDoubled === true && file.isCompressed === segment.isCompressed;
    const other = hasOther ? { firstSeq, isCompressed: !file.isCompressed } : undefined;
    return { text, reader, firstSeq, shownName: file.shownName, other };
  }

  #readerOf(text: SegmentText, due: DueLine, checker?: LineChecker): SegmentReader {
    return new SegmentReader(text, due, { checker, erasures: this.#source.erasures });
  }

  /** Releases the descriptor. */
  async close(): Promise<void> {
    const current = this.#current;
    this.#current = undefined;
    await current?.text.close();
  }
}
