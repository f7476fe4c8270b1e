/**
 * The first phase of recovery: reads a log from its files, checks it and hands its lines to the caller, and changes nothing.
 * Whatever cannot be trusted ends it with an error.
 *
 * What the caller knows already, from a snapshot, is not read again: of the segments that hold nothing else only the header and the
 * seal are looked at, so that the time of a start does not depend on how long the history is.
 */
import type { Finding } from '../../../base/finding.js';
import { invariant } from '../../../base/invariant.js';
import type { Disk } from '../../../disk/disk.js';
import type { SegmentHeader } from '../../line-format.js';
import { findingIn, LogCorruptError, LogOutdatedError } from '../../log-errors.js';
import type { KnownPosition, LogBase, LogPosition, ProvenSeq, ReplayLine, SealedSegment } from '../../log.js';
import { GzipReader } from '../segment/gzip-reader.js';
import { type HeadReading, readHead } from '../head-file.js';
import { type LogPaths, type SealedName, sealedSegmentNames } from '../log-paths.js';
import {
  baseIn, checkBeginning, checkNextSeq, checkSeal, checkSealedEnd, type NamedSegment, readSeal, refuseBytesAfterSeal, refuseGap,
  type UncheckedSeal,
} from '../segment/segment-check.js';
import { type SecondName, secondNameOf } from '../second-name.js';
import { checkHeader, type DueHeader, type FaultyRecord, readHeader, SegmentReader } from '../segment/segment-reader.js';
import { activeFile, sealedFile, type SegmentFile, type SegmentText, withText } from '../segment/segment-files.js';
import { judgeTail, readTail } from './torn-tail.js';

/** How a log is read. */
export interface ScanOptions {
  readonly expectedLogId?: string | undefined;
  readonly known?: KnownPosition | undefined;
  readonly firstKeptSeq?: number | undefined;
  readonly proven?: ProvenSeq | undefined;
  readonly replay: ReplayLine;
}

/** A torn tail: bytes that are to be kept elsewhere and cut. */
export interface TornTail {
  readonly bytes: Buffer;
  readonly offset: number;
  readonly dueSeq: number;
}

/** How the active segment ends, and what is to be done about it. */
export interface ScannedActive {
  readonly firstSeq: number;
  /** Where the last valid record ends, its line feed aside if that is missing. */
  readonly validBytes: number;
  readonly lacksLineFeed: boolean;
  readonly torn: TornTail | undefined;
  readonly sealed: boolean;
  /** Where that begins which the head does not prove to be on disk. */
  readonly unprovenOffset: number;
}

/** A segment whose header is read; only a sealed one says by its name where it begins. */
type EnteredSegment = Pick<NamedSegment, 'shownName'> & Partial<NamedSegment>;

/** A log that was read and found sound, but for a torn tail. */
export interface ScannedLog {
  readonly logId: string;
  readonly base: LogBase | undefined;
  /** The last line. */
  readonly end: LogPosition;
  /** Time of the last line in milliseconds since 1970, 0 for an empty log. */
  readonly lastTimeMs: number;
  readonly sealed: readonly SealedSegment[];
  /** What is wrong with the plain form of segments that are read compressed instead. */
  readonly damagedForms: readonly Finding[];
  readonly active: ScannedActive;
  /** Whether the active segment has its sealed name already. */
  readonly secondName: SecondName;
  readonly head: HeadReading;
}

/** What is known of the chain so far. */
interface ChainState {
  logId: string | undefined;
  seq: number;
  /** Hash of the line of `seq`; undefined where that line was not read and the next header will say it. */
  hash: string | undefined;
  durable: number;
  lastTimeMs: number;
}

/** The segment after one whose lines need not be read. */
interface NextSegment {
  readonly firstSeq: number;
  readonly file: SegmentFile;
}

/** Reads one log. */
class LogScan {
  readonly #disk: Disk;
  readonly #paths: LogPaths;
  readonly #options: ScanOptions;
  readonly #chain: ChainState;
  #head: HeadReading = { head: undefined, slot: 0, damaged: true, isAbsent: true };
  #base: LogBase | undefined;
  /** Whether a header has been read: the first one says where the log begins. */
  #hasBegun = false;
  /** Of the segment before, when its lines were not read. */
  #seal: UncheckedSeal | undefined;
  readonly #sealed: SealedSegment[] = [];
  readonly #damagedForms: Finding[] = [];
  /** The last line that was handed on: one whose segment is read once more in its other form is not handed on again. */
  #replayedSeq = 0;

  constructor(disk: Disk, paths: LogPaths, options: ScanOptions) {
    this.#disk = disk;
    this.#paths = paths;
    this.#options = options;
    this.#chain = { logId: options.expectedLogId, seq: 0, hash: undefined, durable: 0, lastTimeMs: options.known?.timeMs ?? 0 };
  }

  async run(): Promise<ScannedLog | undefined> {
    const named = sealedSegmentNames(await this.#disk.list(this.#paths.folder));
    const active = await this.#disk.status(this.#paths.active);
    this.#head = await readHead(this.#disk, this.#paths.head);
    if (active === undefined) {
      // A creation that was interrupted leaves a head that proves nothing; any other was written for lines that are gone.
      if (named.length === 0 && (this.#head.head?.seq ?? 0) === 0) return undefined;
      throw new LogCorruptError({ file: this.#paths.activeName, offset: 0 }, 'the active segment', 'no such file');
    }
    const secondName = await secondNameOf(this.#disk, this.#paths, named.at(-1));
    await this.#readAllSealed(secondName === 'none' ? named : named.slice(0, -1));
    const finding = await this.#readActive(active.sizeBytes);
    this.#refuseMissingEnd(finding.validBytes);
    if (secondName !== 'none' && !finding.sealed) {
      const expected = 'a seal, since the file is named as a sealed segment';
      throw new LogCorruptError({ file: this.#paths.activeName, offset: finding.validBytes, seq: this.#chain.seq + 1 }, expected, 'none');
    }
    const { logId, seq, hash, lastTimeMs } = this.#chain;
    invariant(logId !== undefined && hash !== undefined, 'a log that was read has an id and a hash');
    const end = { seq, hash };
    const { sealed, damagedForms } = { sealed: this.#sealed, damagedForms: this.#damagedForms };
    return { logId, base: this.#base, end, lastTimeMs, sealed, damagedForms, active: finding, secondName, head: this.#head };
  }

  async #readAllSealed(names: readonly SealedName[]): Promise<void> {
    const { known } = this.#options;
    for (const [index, name] of names.entries()) {
      const nextFirstSeq = known && (names[index + 1]?.firstSeq ?? (await this.#firstSeqOfActive()));
      const isKnown = known !== undefined && nextFirstSeq !== undefined && nextFirstSeq > name.firstSeq && nextFirstSeq - 1 <= known.seq;
      const next = isKnown ? { firstSeq: nextFirstSeq, file: this.#fileAfter(names[index + 1]) } : undefined;
      if (name.isDoubled) await this.#readEitherForm(name, next);
      else await this.#readSealed(name, next);
    }
  }

  #fileAfter(next: SealedName | undefined): SegmentFile {
    return next === undefined ? activeFile(this.#paths) : sealedFile(this.#paths, next);
  }

  /** Reads the plain form, and where that is damaged the compressed one, as if the first had not been looked at. */
  async #readEitherForm(name: SealedName, next: NextSegment | undefined): Promise<void> {
    const before = { chain: { ...this.#chain }, base: this.#base, hasBegun: this.#hasBegun, seal: this.#seal };
    try {
      await this.#readSealed(name, next);
      // A seal that only the next segment would find damaged must be found while the other form can take its place.
      if (this.#seal !== undefined && next !== undefined) checkSeal(this.#seal, await this.#headerOf(next.file));
    } catch (error) {
      const fault = findingIn(error, sealedFile(this.#paths, name).shownName);
      if (fault === undefined || fault.kind !== undefined) throw error;
      Object.assign(this.#chain, before.chain);
      this.#base = before.base;
      this.#hasBegun = before.hasBegun;
      this.#seal = before.seal;
      if (this.#sealed.at(-1)?.firstSeq === name.firstSeq) this.#sealed.pop();
      await this.#readSealed({ ...name, isCompressed: true }, next).catch((other: unknown) => {
        throw findingIn(other, fault.file) === undefined ? other : error;
      });
      this.#damagedForms.push(fault);
    }
  }

  async #firstSeqOfActive(): Promise<number> {
    return (await this.#headerOf(activeFile(this.#paths))).firstSeq;
  }

  async #headerOf(file: SegmentFile): Promise<SegmentHeader> {
    return (await withText(this.#disk, file, (text) => readHeader(text, file.shownName))).header;
  }

  /** The header that the next segment must have. */
  #dueHeader(): DueHeader {
    return { project: this.#paths.project, logId: this.#chain.logId, firstSeq: this.#chain.seq + 1, previousHash: this.#chain.hash };
  }

  /** Takes a segment's header into the chain; afterwards the hash of the line before it is known. */
  #enter(header: SegmentHeader, { shownName, firstSeq }: EnteredSegment): void {
    if (firstSeq !== undefined) checkHeader(header, { project: this.#paths.project, firstSeq }, shownName);
    if (!this.#hasBegun) this.#begin(header, shownName);
    refuseGap(this.#paths.project, this.#chain.seq + 1, header.firstSeq);
    checkHeader(header, this.#dueHeader(), shownName);
    checkBeginning(header, shownName, !this.#hasBegun);
    if (!this.#hasBegun) this.#base = baseIn(header);
    this.#hasBegun = true;
    this.#chain.logId = header.logId;
    this.#chain.hash = header.previousHash;
    if (this.#seal !== undefined) checkSeal(this.#seal, header);
    this.#seal = undefined;
    this.#refuseForeignHead(header.logId);
    this.#compare({ seq: this.#chain.seq, hash: header.previousHash }, shownName);
  }

  /** Decides whether a log may begin with this header, and goes there. */
  #begin(header: SegmentHeader, shownName: string): void {
    const { known, firstKeptSeq } = this.#options;
    const { firstSeq } = header;
    if (known === undefined) {
      if (header.base === undefined || firstSeq === 1) return;
      const expected = `a snapshot of what came before seq ${firstSeq}`;
      throw new LogCorruptError({ file: shownName, offset: 0, seq: firstSeq }, expected, 'none that could be used');
    }
    const neededSeq = Math.min(firstKeptSeq ?? (header.base === undefined ? 1 : firstSeq), known.seq + 1);
    if (firstSeq > neededSeq) {
      const expected = `a segment that holds seq ${neededSeq}`;
      throw new LogCorruptError({ file: shownName, offset: 0, seq: neededSeq }, expected, `none before first_seq ${firstSeq}`);
    }
    this.#chain.seq = firstSeq - 1;
  }

  /** Compares a line, or what a header says of the line before it, with what the head and the caller know. */
  #compare(line: LogPosition, shownName: string): void {
    const { head } = this.#head;
    const { known } = this.#options;
    const place = { file: shownName, offset: 0, seq: line.seq };
    if (line.seq > 0 && line.seq === head?.seq && line.hash !== head.hash) {
      throw new LogCorruptError(place, `hash ${head.hash} as the head says`, `hash ${line.hash}`);
    }
    if (line.seq === known?.seq && line.hash !== known.hash) {
      throw new LogCorruptError(place, `hash ${known.hash} as the snapshot says`, `hash ${line.hash}`);
    }
  }

  /** Reads a header and starts reading lines after it. */
  async #start(text: SegmentText, segment: EnteredSegment): Promise<SegmentReader> {
    const { header, sizeBytes: offset } = await readHeader(text, segment.shownName);
    this.#enter(header, segment);
    const { seq, durable } = this.#chain;
    const due = { segment: header.firstSeq, offset, seq: seq + 1, previousHash: header.previousHash, durable };
    return new SegmentReader(text, due, this.#head.head?.seq);
  }

  async #replay(reader: SegmentReader, sizeBytes: number, shownName: string): Promise<void> {
    const { known, replay } = this.#options;
    const knownSeq = known?.seq ?? 0;
    for await (const lines of reader.lines(sizeBytes)) {
      for (const line of lines) {
        this.#compare(line, shownName);
        if (line.seq > Math.max(knownSeq, this.#replayedSeq)) {
          replay(line);
          this.#replayedSeq = line.seq;
        }
        this.#chain.lastTimeMs = line.timeMs;
      }
    }
    const { seq, previousHash, durable } = reader.place;
    this.#chain.seq = seq - 1;
    this.#chain.hash = previousHash;
    this.#chain.durable = durable;
  }

  /** Reads a sealed segment; with the next one, of a segment that is known, only its two ends. */
  async #readSealed(name: SealedName, next: NextSegment | undefined): Promise<void> {
    const { firstSeq, isCompressed, isDoubled } = name;
    const file = sealedFile(this.#paths, name);
    const sizeBytes = await withText(this.#disk, file, async (text) => {
      const { sizeBytes: textBytes } = await text.status();
      if (next === undefined) await this.#readLines(text, { firstSeq, shownName: file.shownName }, textBytes);
      else await this.#readEnds(text, { firstSeq, shownName: file.shownName }, next.firstSeq);
      return textBytes;
    });
    const storedBytes = isCompressed ? ((await this.#disk.status(file.path))?.sizeBytes ?? 0) : sizeBytes;
    const form = isDoubled ? { isCompressed, isDoubled } : { isCompressed };
    this.#sealed.push({ firstSeq, lastSeq: this.#chain.seq, sizeBytes, storedBytes, ...form });
  }

  /** Its header, and its seal where that shows without inflating all of it. */
  async #readEnds(text: SegmentText, segment: NamedSegment, nextFirstSeq: number): Promise<void> {
    this.#enter((await readHeader(text, segment.shownName)).header, segment);
    if (text instanceof GzipReader) {
      refuseGap(this.#paths.project, text.nextSeq, nextFirstSeq);
      checkNextSeq(text.nextSeq, segment, nextFirstSeq);
    } else this.#seal = await readSeal(text, segment);
    this.#chain.seq = nextFirstSeq - 1;
    this.#chain.hash = nextFirstSeq - 1 === this.#options.known?.seq ? this.#options.known.hash : undefined;
  }

  async #readLines(text: SegmentText, segment: NamedSegment, sizeBytes: number): Promise<void> {
    const reader = await this.#start(text, segment);
    await this.#replay(reader, sizeBytes, segment.shownName);
    checkSealedEnd(reader, segment, sizeBytes);
  }

  async #readActive(sizeBytes: number): Promise<ScannedActive> {
    const { shownName } = activeFile(this.#paths);
    return await withText(this.#disk, activeFile(this.#paths), async (text) => {
      const reader = await this.#start(text, { shownName });
      const firstSeq = this.#chain.seq + 1;
      await this.#replay(reader, sizeBytes, shownName);
      const { end, place } = reader;
      if (end.kind === 'sealed') refuseBytesAfterSeal(shownName, place, sizeBytes);
      const torn = end.kind === 'faulty' ? await this.#judge(text, { ...end.record, sizeBytes, dueSeq: place.seq }) : undefined;
      const unprovenOffset = reader.markOffset ?? (this.#head.head?.seq === this.#chain.seq ? place.offset : 0);
      const lacksLineFeed = end.kind === 'unterminated';
      return { firstSeq, validBytes: place.offset, lacksLineFeed, torn, sealed: end.kind === 'sealed', unprovenOffset };
    });
  }

  async #judge(
    text: SegmentText, record: FaultyRecord & { readonly sizeBytes: number; readonly dueSeq: number },
  ): Promise<TornTail> {
    const bytes = await readTail(text, record.offset, record.sizeBytes);
    // A snapshot is made of what was durable, so it proves as much as the head does, and so does the record of one.
    const { known, proven } = this.#options;
    const ownSeq = Math.max(this.#head.head?.seq ?? 0, known?.seq ?? 0);
    const headSeq = Math.max(ownSeq, proven?.seq ?? 0);
    const verdict = judgeTail({ record, bytes, dueSeq: record.dueSeq, headSeq });
    // The files alone do not contradict that it is torn: they are older than what was recorded of them, and are not to be cut.
    if (!verdict.torn && proven?.by === 'configuration' && judgeTail({ record, bytes, dueSeq: record.dueSeq, headSeq: ownSeq }).torn) {
      this.#refuseMissingEnd(record.offset);
    }
    if (verdict.torn) return { bytes, offset: record.offset, dueSeq: record.dueSeq };
    const found = `${record.fault.found} (not a torn tail: ${verdict.reason})`;
    throw new LogCorruptError({ file: this.#paths.activeName, offset: record.offset, seq: record.dueSeq }, record.fault.expected, found);
  }

  /** Before any line is compared with it: the head of another log says nothing of this one. */
  #refuseForeignHead(logId: string): void {
    const { head } = this.#head;
    if (head === undefined || head.logId === logId) return;
    throw new LogCorruptError({ file: this.#paths.shown('head'), offset: 0, seq: head.seq }, `log_id ${logId}`, `log_id ${head.logId}`);
  }

  /** Refuses a log that ends before what the head proves, a snapshot holds, or the registry or the configuration has recorded. */
  #refuseMissingEnd(endOffset: number): void {
    const proofs = [
      { seq: this.#head.head?.seq ?? 0, as: 'as the head proves' }, { seq: this.#options.known?.seq ?? 0, as: 'as the snapshot says' },
      { seq: this.#options.proven?.seq ?? 0, as: `as the ${this.#options.proven?.by ?? 'registry'} has recorded` },
    ];
    for (const { seq, as } of proofs) {
      if (seq <= this.#chain.seq) continue;
      const expected = `lines up to seq ${seq} ${as}`;
      const found = `the end after seq ${this.#chain.seq}`;
      throw new LogOutdatedError({ file: this.#paths.activeName, offset: endOffset, seq: this.#chain.seq + 1 }, expected, found);
    }
  }
}

/**
 * Reads a log and hands its lines to the caller.
 *
 * @param options which log it must be, what is known of it, who is given the lines
 * @returns what was found; undefined when there is no log of that name
 * @throws {LogCorruptError} when what is on disk cannot be trusted
 */
export async function scanLog(disk: Disk, paths: LogPaths, options: ScanOptions): Promise<ScannedLog | undefined> {
  return await new LogScan(disk, paths, options).run();
}
