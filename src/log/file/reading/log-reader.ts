/**
 * Reads a log's segments one after another, checking every line against the chain, and remembers where it is, so that a
 * follower reads nothing twice.
 */
import type { Disk } from '../../../disk/disk.js';
import type { SegmentHeader } from '../../line-format.js';
import { isIllegible, LinesDroppedError, LogCorruptError } from '../../log-errors.js';
import type { LogLine } from '../../log.js';
import type { LogPaths } from '../log-paths.js';
import { openIfFirst } from '../segment-opening.js';
import { checkHeader, SegmentReader } from '../segment/segment-reader.js';
import { activeFile, fileOf, openText, otherFileOf, type ReadableSegment, type SegmentFile, type SegmentText } from '../segment/segment-files.js';

/** What a reader must know of the log that it reads; asked anew each time, since the log goes on. */
export interface ReaderSource {
  readonly logId: string;
  /** All segments, oldest first. */
  segments(): Promise<readonly ReadableSegment[]>;
  /** Bytes of the active segment that count; undefined: as many as there are, and what follows the last whole line is not looked at. */
  activeBytes(): number | undefined;
}

/** A segment that is being read. */
interface OpenSegment {
  readonly text: SegmentText;
  readonly reader: SegmentReader;
  readonly firstSeq: number;
  readonly shownName: string;
  /** The other form of the same text, to go on in where this one is damaged. */
  readonly other: SegmentFile | undefined;
}

/** The file of a segment, and that of its other form. */
interface SegmentForms {
  readonly file: SegmentFile;
  readonly other?: SegmentFile | undefined;
}

/** Which segment is opened, and the one that was read before it. */
interface SoughtSegment {
  readonly firstSeq: number;
  readonly ended: OpenSegment | undefined;
}

/** A segment may be sealed, compressed or removed between the question where it is and the opening; then it is asked again. */
const OPEN_ATTEMPTS = 4;

/** One reader. */
export class LogReader {
  readonly #disk: Disk;
  readonly #paths: LogPaths;
  readonly #source: ReaderSource;
  #open: OpenSegment | undefined;

  constructor(disk: Disk, paths: LogPaths, source: ReaderSource) {
    this.#disk = disk;
    this.#paths = paths;
    this.#source = source;
  }

  /**
   * Reads on from where the last call stopped, or from the start of the segment that holds `fromSeq`.
   *
   * @param toSeq last seq wanted; must be accepted already, except where the source leaves open how far the active segment counts
   * @returns lines in order, in groups
   * @throws {LogCorruptError} when a line on disk is not the one that was written
   * @throws {LinesDroppedError} when the segment of a line has been removed
   */
  async *groups(fromSeq: number, toSeq: number): AsyncGenerator<readonly LogLine[]> {
    let seq = fromSeq;
    let ended: OpenSegment | undefined;
    while (seq <= toSeq) {
      const segment = this.#open ?? (await this.#openSegmentOf(seq, ended));
      if (segment === undefined) return;
      const isActive = (await this.#source.segments()).find(({ firstSeq }) => firstSeq === segment.firstSeq)?.form === 'active';
      const endOffset = (isActive ? this.#source.activeBytes() : undefined) ?? (await segment.text.status()).sizeBytes;
      // Lines that were appended since the call stay unread: the reader's place must not run ahead of what it has given.
      for await (const group of segment.reader.lines(endOffset, toSeq)) {
        const wanted = group[0] !== undefined && group[0].seq < seq ? group.filter((line) => line.seq >= seq) : group;
        if (wanted.length > 0) yield wanted;
        seq = Math.max(seq, segment.reader.place.seq);
      }
      if (segment.reader.end.kind === 'sealed') {
        ended = segment;
        await this.close();
      } else if (seq <= toSeq && !(await this.#goOnInOtherForm(segment))) return this.#refuseUnlessUnfinished(segment, isActive);
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

  /** Goes on at the same place of the other form's text; false where there is none, or it is no segment. */
  async #goOnInOtherForm({ firstSeq, other, reader }: OpenSegment): Promise<boolean> {
    if (other === undefined) return false;
    await this.close();
    try {
      this.#open = await this.#openIfFirst({ file: other }, { firstSeq, ended: undefined });
    } catch (error) {
      if (!isIllegible(error)) throw error;
    }
    if (this.#open === undefined) return false;
    const { place, end } = reader;
    // A last line without its line feed was taken; the next one begins behind it.
    const offset = end.kind === 'unterminated' ? place.offset + 1 : place.offset;
    this.#open = { ...this.#open, reader: new SegmentReader(this.#open.text, { ...place, offset }) };
    return true;
  }

  /** Whether a segment may end here: only where another process writes, at a line that is not whole yet. */
  #refuseUnlessUnfinished(segment: OpenSegment, isActive: boolean): void {
    const { end, place } = segment.reader;
    const isWhole = end.kind !== 'faulty' || !end.record.terminated;
    if (isActive && isWhole && this.#source.activeBytes() === undefined) return;
    const fault = end.kind === 'faulty' ? end.record.fault : { expected: 'a line', found: 'the end of the file' };
    throw new LogCorruptError({ file: segment.shownName, offset: place.offset, seq: place.seq }, fault.expected, fault.found);
  }

  /** Opens the segment of a seq; undefined when the segment before is the last and its rotation has not got further. */
  async #openSegmentOf(seq: number, ended: OpenSegment | undefined): Promise<OpenSegment | undefined> {
    let sought: SegmentFile = activeFile(this.#paths);
    for (let attempt = 0; attempt < OPEN_ATTEMPTS; attempt += 1) {
      const segments = await this.#source.segments();
      const found = segments.findLast((segment) => segment.firstSeq <= seq);
      if (found === undefined) throw new LinesDroppedError(seq, segments[0]?.firstSeq ?? seq);
      sought = fileOf(this.#paths, found);
      if (found.firstSeq === ended?.firstSeq) {
        if (this.#source.activeBytes() === undefined) return undefined;
        break;
      }
      // The active name may have moved on to the next segment before its log knows.
      const candidates = found.form === 'active' ? [sought, fileOf(this.#paths, { ...found, form: 'plain' })] : [sought];
      const other = otherFileOf(this.#paths, found);
      for (const file of candidates) this.#open ??= await this.#openEitherForm({ file, other }, { firstSeq: found.firstSeq, ended });
      if (this.#open !== undefined) return this.#open;
    }
    throw new LogCorruptError({ file: sought.shownName, offset: 0, seq }, `a segment that holds seq ${seq}`, 'another one or none');
  }

  async #openEitherForm({ file, other }: SegmentForms, wanted: SoughtSegment): Promise<OpenSegment | undefined> {
    try {
      return await this.#openIfFirst({ file, other }, wanted);
    } catch (error) {
      if (other === undefined || !isIllegible(error)) throw error;
      return await this.#openIfFirst({ file: other }, wanted);
    }
  }

  /** Opens a file if it is there and the segment in it begins with a seq. */
  async #openIfFirst({ file, other }: SegmentForms, { firstSeq, ended }: SoughtSegment): Promise<OpenSegment | undefined> {
    const { shownName } = file;
    const before = ended?.reader.place;
    const previousHash = before?.seq === firstSeq ? before.previousHash : undefined;
    const due = { project: this.#paths.project, logId: this.#source.logId, firstSeq, previousHash };
    const check = (header: SegmentHeader): void => checkHeader(header, due, shownName);
    const opened = await openIfFirst(() => openText(this.#disk, file), { firstSeq, shownName, check });
    if (opened === undefined) return undefined;
    const { file: text, header, headerBytes: offset } = opened;
    const reader = new SegmentReader(text, { segment: firstSeq, offset, seq: firstSeq, previousHash: header.previousHash, durable: 0 });
    return { text, reader, firstSeq, shownName, other };
  }

  /** Releases the descriptor. */
  async close(): Promise<void> {
    const open = this.#open;
    this.#open = undefined;
    await open?.text.close();
  }
}
