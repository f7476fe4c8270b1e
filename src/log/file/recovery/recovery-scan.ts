/**
 * Phase 1 of recovery: reads a log from its files, verifies it and passes its lines to the caller. Changes nothing; throws at whatever
 * cannot be trusted.
 *
 * Lines that the caller knows from a snapshot are not passed to it again. Of sealed segments that hold only such lines, just the header and
 * the seal are read, so that startup time does not depend on the length of the history.
 */
import type { Finding } from '../../../base/finding.js';
import { invariant } from '../../../base/invariant.js';
import type { Disk } from '../../../disk/disk.js';
import { OwedErasures } from '../../erased-lines.js';
import { FIRST_FORMAT, type LogFormat } from '../../log-format.js';
import type { SegmentHeader } from '../../segment-format.js';
import { findingIn, LogCorruptError, LogOutdatedError } from '../../log-errors.js';
import type { OpenOptions } from '../../log-home.js';
import type { LogBase, LogPosition, SealedSegment } from '../../log.js';
import { LogErasures } from '../reading/log-erasures.js';
import { type HeadReading, readHead, UNREAD_HEAD } from '../head-file.js';
import type { ListedSegment, LogPaths } from '../log-paths.js';
import type { LineChecker } from '../segment/checked-lines.js';
import { GzipReader } from '../segment/gzip-reader.js';
import { type SecondName, secondNameOf } from '../segment/rotation.js';
import {
  baseIn, checkBeginning, checkNextSeq, checkSeal, checkSealedEnd, type NamedSegment, readSeal, refuseBytesAfterSeal, refuseGap,
  type UncheckedSeal,
} from '../segment/segment-check.js';
import {
  activeFile, headerOf, listSealed, segmentFile, type SegmentFile, type SegmentText, storedBytesOf, withText,
} from '../segment/segment-files.js';
import { checkHeader, type DueHeader, type FaultyRecord, readHeader, SegmentReader } from '../segment/segment-reader.js';
import { judgeTail, readTail } from './torn-tail.js';

/** How to scan a log. */
export interface ScanOptions extends Pick<OpenOptions, 'expectedLogId' | 'known' | 'firstKeptSeq' | 'proven' | 'replay'> {
  /** Checks the lines of large segments in other threads. */
  readonly checker?: LineChecker | undefined;
}

/** A torn tail: bytes to copy elsewhere and cut. */
interface TornTail {
  readonly bytes: Buffer;
  readonly offset: number;
  readonly dueSeq: number;
}

/** How the active segment ends, and what phase 2 must repair. */
interface ScannedActive {
  readonly firstSeq: number;
  readonly format: LogFormat;
  /** Where the last valid record ends, in bytes, without a missing line feed. */
  readonly validBytes: number;
  readonly lacksLineFeed: boolean;
  readonly torn: TornTail | undefined;
  readonly sealed: boolean;
  /** Offset from which on the head does not prove the bytes to be on disk. */
  readonly unprovenOffset: number;
}

/** A segment whose header is read. Only the name of a sealed one tells where it begins. */
type EnteredSegment = Pick<NamedSegment, 'shownName'> & Partial<NamedSegment>;

/** A log that is sound except for what phase 2 repairs. */
export interface ScannedLog {
  readonly logId: string;
  readonly base: LogBase | undefined;
  /** The last line. */
  readonly end: LogPosition;
  /** Time of the last line in milliseconds since 1970, 0 for an empty log. */
  readonly lastTimeMs: number;
  readonly sealed: readonly SealedSegment[];
  /** Damage in the plain form of segments whose compressed form is used instead. */
  readonly damagedForms: readonly Finding[];
  readonly active: ScannedActive;
  /** Whether the active segment already has its sealed name. */
  readonly secondName: SecondName;
  readonly head: HeadReading;
}

/** The state of the chain after the lines read so far. */
interface ChainState {
  logId: string | undefined;
  seq: number;
  /** Hash of the line of `seq`; undefined if that line was skipped, so that the next header supplies it. */
  hash: string | undefined;
  durable: number;
  lastTimeMs: number;
}

/** The segment after one whose lines are skipped. */
interface NextSegment {
  readonly firstSeq: number;
  readonly file: SegmentFile;
}

/** Scans one log. */
class LogScan {
  readonly #disk: Disk;
  readonly #paths: LogPaths;
  readonly #options: ScanOptions;
  readonly #chain: ChainState;
  readonly #erasures: LogErasures;
  readonly #owed = new OwedErasures();
  #head: HeadReading = UNREAD_HEAD;
  #base: LogBase | undefined;
  /** The format of the last header. */
  #format = FIRST_FORMAT;
  /** Whether a header has been read. The first one tells where the log begins. */
  #hasBegun = false;
  /** The seal of the previous segment if its lines were skipped. */
  #seal: UncheckedSeal | undefined;
  readonly #sealed: SealedSegment[] = [];
  readonly #damagedForms: Finding[] = [];
  /** The last line passed to the caller. A line that is read again in the other form of its segment is not passed again. */
  #replayedSeq = 0;

  constructor(disk: Disk, paths: LogPaths, options: ScanOptions) {
    this.#disk = disk;
    this.#paths = paths;
    this.#options = options;
    this.#erasures = new LogErasures(disk, paths, options.expectedLogId);
    this.#chain = { logId: options.expectedLogId, seq: 0, hash: undefined, durable: 0, lastTimeMs: options.known?.timeMs ?? 0 };
  }

  async run(): Promise<ScannedLog | undefined> {
    const listed = await listSealed(this.#disk, this.#paths);
    const active = await this.#disk.status(this.#paths.active);
    this.#head = await readHead(this.#disk, this.#paths.head);
    if (active === undefined) {
      // An interrupted creation leaves a head with seq 0. Any other head was written for lines that are gone.
      if (listed.length === 0 && (this.#head.head?.seq ?? 0) === 0) return undefined;
      throw new LogCorruptError({ file: this.#paths.activeName, offset: 0 }, 'the active segment', 'no such file');
    }
    const secondName = await secondNameOf(this.#disk, this.#paths, listed.at(-1));
    await this.#readAllSealed(secondName === 'none' ? listed : listed.slice(0, -1));
    const scanned = await this.#readActive(active.sizeBytes);
    this.#refuseMissingEnd(scanned.validBytes);
    this.#refuseOwed();
    if (secondName !== 'none' && !scanned.sealed) {
      const place = { file: this.#paths.activeName, offset: scanned.validBytes, seq: this.#chain.seq + 1 };
      throw new LogCorruptError(place, 'a seal record, because the file also exists under the name of a sealed segment', 'none');
    }
    const { logId, seq, hash, lastTimeMs } = this.#chain;
    invariant(logId !== undefined && hash !== undefined, 'a scanned log has an id and a hash');
    const { sealed, damagedForms } = { sealed: this.#sealed, damagedForms: this.#damagedForms };
    return {
      logId, base: this.#base, end: { seq, hash }, lastTimeMs, sealed, damagedForms, active: scanned, secondName, head: this.#head,
    };
  }

  async #readAllSealed(segments: readonly ListedSegment[]): Promise<void> {
    const { known } = this.#options;
    for (const [index, segment] of segments.entries()) {
      const { firstSeq } = segment;
      const following = segments[index + 1];
      const file = following === undefined ? activeFile(this.#paths) : segmentFile(this.#paths, following);
      const nextFirstSeq = known && (following?.firstSeq ?? (await headerOf(this.#disk, file)).firstSeq);
      const isKnown = known !== undefined && nextFirstSeq !== undefined && nextFirstSeq > firstSeq && nextFirstSeq - 1 <= known.seq;
      const next = isKnown ? { firstSeq: nextFirstSeq, file } : undefined;
      if (segment.isDoubled) await this.#readEitherForm(segment, next);
      else await this.#readSealed(segment, next);
    }
  }

  /** Reads the plain form, and if that is damaged the compressed one from the same state. */
  async #readEitherForm(segment: ListedSegment, next: NextSegment | undefined): Promise<void> {
    const before = { chain: { ...this.#chain }, base: this.#base, hasBegun: this.#hasBegun, seal: this.#seal };
    try {
      await this.#readSealed(segment, next);
      // The next segment would check this seal only when it is too late to use the other form.
      if (this.#seal !== undefined && next !== undefined) checkSeal(this.#seal, await headerOf(this.#disk, next.file));
    } catch (error) {
      const finding = findingIn(error, segmentFile(this.#paths, segment).shownName);
      if (finding === undefined || finding.kind !== undefined) throw error;
      Object.assign(this.#chain, before.chain);
      this.#base = before.base;
      this.#hasBegun = before.hasBegun;
      this.#seal = before.seal;
      if (this.#sealed.at(-1)?.firstSeq === segment.firstSeq) this.#sealed.pop();
      await this.#readSealed({ ...segment, isCompressed: true }, next).catch((other: unknown) => {
        throw findingIn(other, finding.file) === undefined ? other : error;
      });
      this.#damagedForms.push(finding);
    }
  }

  /** The header that the next segment must have. */
  #dueHeader(): DueHeader {
    return { project: this.#paths.project, logId: this.#chain.logId, firstSeq: this.#chain.seq + 1, previousHash: this.#chain.hash };
  }

  /** Adds a segment's header to the chain. From then on the hash of the line before the segment is known. */
  #enter(header: SegmentHeader, { shownName, firstSeq }: EnteredSegment): void {
    if (firstSeq !== undefined) checkHeader(header, { project: this.#paths.project, firstSeq }, shownName);
    if (!this.#hasBegun) this.#begin(header, shownName);
    refuseGap(this.#paths.project, this.#chain.seq + 1, header.firstSeq);
    checkHeader(header, this.#dueHeader(), shownName);
    checkBeginning(header, shownName, !this.#hasBegun);
    if (!this.#hasBegun) this.#base = baseIn(header);
    this.#hasBegun = true;
    this.#format = header.format;
    this.#chain.logId = header.logId;
    this.#chain.hash = header.previousHash;
    if (this.#seal !== undefined) checkSeal(this.#seal, header);
    this.#seal = undefined;
    this.#refuseForeignHead(header.logId);
    this.#compare({ seq: this.#chain.seq, hash: header.previousHash }, shownName);
  }

  /** Decides whether the log may begin with this header, and starts the chain there. */
  #begin(header: SegmentHeader, shownName: string): void {
    const { known, firstKeptSeq } = this.#options;
    const { firstSeq } = header;
    const place = { file: shownName, offset: 0 };
    if (known === undefined) {
      if (header.base === undefined || firstSeq === 1) return;
      const expected = `a snapshot covering everything before seq ${firstSeq}`;
      throw new LogCorruptError({ ...place, seq: firstSeq }, expected, 'no usable one');
    }
    const neededSeq = Math.min(firstKeptSeq ?? (header.base === undefined ? 1 : firstSeq), known.seq + 1);
    if (firstSeq > neededSeq) {
      const expected = `a segment that holds seq ${neededSeq}`;
      throw new LogCorruptError({ ...place, seq: neededSeq }, expected, `none before first_seq ${firstSeq}`);
    }
    this.#chain.seq = firstSeq - 1;
  }

  /** Compares a line, or the previous line according to a header, with the head and with what the caller knows. */
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

  /** Reads a segment's header and returns a reader of its lines. */
  async #start(text: SegmentText, segment: EnteredSegment): Promise<SegmentReader> {
    const { header, sizeBytes: offset } = await readHeader(text, segment.shownName);
    this.#enter(header, segment);
    const { seq, durable } = this.#chain;
    const due = { segment: header.firstSeq, offset, seq: seq + 1, previousHash: header.previousHash, durable };
    const { checker } = this.#options;
    return new SegmentReader(text, due, { markSeq: this.#head.head?.seq, checker, erasures: this.#erasures });
  }

  async #replay(reader: SegmentReader, sizeBytes: number, shownName: string): Promise<void> {
    const { known, replay } = this.#options;
    const knownSeq = known?.seq ?? 0;
    for await (const lines of reader.lines(sizeBytes)) {
      for (const line of lines) {
        this.#compare(line, shownName);
        this.#owed.note(line);
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

  /** @param next given if the segment's lines are skipped and only its two ends read */
  async #readSealed(segment: ListedSegment, next: NextSegment | undefined): Promise<void> {
    const { firstSeq, isCompressed, isDoubled } = segment;
    const file = segmentFile(this.#paths, segment);
    const named = { firstSeq, shownName: file.shownName };
    const sizeBytes = await withText(this.#disk, file, async (text) => {
      const { sizeBytes: textBytes } = await text.status();
      if (next === undefined) await this.#readLines(text, named, textBytes);
      else await this.#readEnds(text, named, next.firstSeq);
      return textBytes;
    });
    const storedBytes = isCompressed ? await storedBytesOf(this.#disk, file) : sizeBytes;
    const form = isDoubled ? { isCompressed, isDoubled } : { isCompressed };
    this.#sealed.push({ firstSeq, lastSeq: this.#chain.seq, sizeBytes, storedBytes, ...form });
  }

  /** Reads the header, and the seal or, for a compressed segment, the frame, which spares inflating it. */
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
    const file = activeFile(this.#paths);
    const { shownName } = file;
    return await withText(this.#disk, file, async (text) => {
      const reader = await this.#start(text, { shownName });
      const firstSeq = this.#chain.seq + 1;
      await this.#replay(reader, sizeBytes, shownName);
      const { end, place } = reader;
      if (end.kind === 'sealed') refuseBytesAfterSeal(shownName, place, sizeBytes);
      const torn = end.kind === 'faulty' ? await this.#judge(text, { ...end.record, sizeBytes, dueSeq: place.seq }) : undefined;
      const unprovenOffset = reader.markOffset ?? (this.#head.head?.seq === this.#chain.seq ? place.offset : 0);
      const lacksLineFeed = end.kind === 'unterminated';
      const format = this.#format;
      return { firstSeq, format, validBytes: place.offset, lacksLineFeed, torn, sealed: end.kind === 'sealed', unprovenOffset };
    });
  }

  async #judge(
    text: SegmentText, record: FaultyRecord & { readonly sizeBytes: number; readonly dueSeq: number },
  ): Promise<TornTail> {
    const { dueSeq, fault, offset } = record;
    const bytes = await readTail(text, offset, record.sizeBytes);
    // Snapshots are built from durable lines only, so a snapshot proves as much as the head, and so does a record of one.
    const { known, proven } = this.#options;
    const ownSeq = Math.max(this.#head.head?.seq ?? 0, known?.seq ?? 0);
    const headSeq = Math.max(ownSeq, proven?.seq ?? 0);
    const verdict = judgeTail({ record, bytes, dueSeq, headSeq });
    // By the files alone the tail is torn, but the configuration proves that they are an older copy. They must not be cut.
    if (!verdict.torn && proven?.by === 'configuration' && judgeTail({ record, bytes, dueSeq, headSeq: ownSeq }).torn) {
      this.#refuseMissingEnd(offset);
    }
    if (verdict.torn) return { bytes, offset, dueSeq };
    const place = { file: this.#paths.activeName, offset, seq: dueSeq };
    throw new LogCorruptError(place, fault.expected, `${fault.found} (not a torn tail: ${verdict.reason})`);
  }

  /** Called before any line is compared with the head: the head of another log says nothing about this one. */
  #refuseForeignHead(logId: string): void {
    const { head } = this.#head;
    if (head === undefined || head.logId === logId) return;
    throw new LogCorruptError({ file: this.#paths.shown('head'), offset: 0, seq: head.seq }, `log_id ${logId}`, `log_id ${head.logId}`);
  }

  /** An erased line counts only if the line that records its erasure is in the log. */
  #refuseOwed(): void {
    const { finding } = this.#owed;
    if (finding !== undefined) throw new LogCorruptError({ file: this.#paths.activeName, ...finding }, finding.expected, finding.found);
  }

  /** Refuses a log that ends before what the head, a snapshot, the registry or the configuration proves. */
  #refuseMissingEnd(endOffset: number): void {
    const proofs = [
      { seq: this.#head.head?.seq ?? 0, as: 'as the head proves' }, { seq: this.#options.known?.seq ?? 0, as: 'as the snapshot says' },
      { seq: this.#options.proven?.seq ?? 0, as: `as the ${this.#options.proven?.by ?? 'registry'} has recorded` },
    ];
    for (const { seq, as } of proofs) {
      if (seq <= this.#chain.seq) continue;
      const place = { file: this.#paths.activeName, offset: endOffset, seq: this.#chain.seq + 1 };
      throw new LogOutdatedError(place, `lines up to seq ${seq} ${as}`, `the end of the log after seq ${this.#chain.seq}`);
    }
  }
}

/**
 * Scans a log and replays its lines.
 *
 * @returns undefined if there is no log of that name
 * @throws {LogCorruptError} if the files cannot be trusted
 */
export async function scanLog(disk: Disk, paths: LogPaths, options: ScanOptions): Promise<ScannedLog | undefined> {
  return await new LogScan(disk, paths, options).run();
}
