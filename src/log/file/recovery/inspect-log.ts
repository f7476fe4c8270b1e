/**
 * Checks a whole log from its files, changing nothing, while a server may be writing to it: every line, every seal, every checksum. It
 * does not stop at a fault but continues with the next segment, so that all faults are reported.
 *
 * Transient states of a running server are not faults: an incomplete last line, an unfinished rotation, a segment that is compressed or
 * removed between listing and opening it. The head is read first; what it proved then must be there.
 */
import { setImmediate as nextRound } from 'node:timers/promises';
import { isErrno } from '../../../base/app-error.js';
import type { Finding } from '../../../base/finding.js';
import type { Disk } from '../../../disk/disk.js';
import { OwedErasures } from '../../erased-lines.js';
import { earlyEnd, findingIn, LogCorruptError, LogVersionError } from '../../log-errors.js';
import type { LogBase, LogLine, LogPosition } from '../../log.js';
import { type HeadReading, readHead, UNREAD_HEAD } from '../head-file.js';
import { LogErasures } from '../reading/log-erasures.js';
import { type ListedSegment, LogPaths, segmentName } from '../log-paths.js';
import type { LineChecker } from '../segment/checked-lines.js';
import { GzipReader } from '../segment/gzip-reader.js';
import { secondNameOf } from '../segment/rotation.js';
import { baseIn, checkBeginning, checkNextSeq, checkSealedEnd, refuseBytesAfterSeal, refuseGap } from '../segment/segment-check.js';
import {
  activeFile, headerOf, listSealed, listSegments, segmentFile, type SegmentText, storedBytesOf, withText,
} from '../segment/segment-files.js';
import { checkHeader, readHeader, SegmentReader } from '../segment/segment-reader.js';
import { judgeTail, readTail } from './torn-tail.js';

/** How to inspect a log. */
export interface InspectionOptions {
  /** The id that the log must have. @default any */
  readonly expectedLogId?: string;
  /** Lowest seq that must exist. @default the first seq of the oldest segment */
  readonly firstKeptSeq?: number;
  /** A seq that the log is known to have had on disk, by a record elsewhere. @default none */
  readonly provenSeq?: number | undefined;
  /** Aborts the inspection, which rejects with the signal's reason. */
  readonly signal?: AbortSignal;
  /** Checks lines ahead of the reading. @default each line is checked when it is read */
  readonly checker?: LineChecker | undefined;
  /** Receives every valid line once, in order. With a checker, a line can only be read during the call. */
  take?(lines: readonly LogLine[]): void;
  /** Receives the number of bytes on disk that are done, and their total. */
  onProgress?(doneBytes: number, totalBytes: number): void;
  /** Awaited after each piece of about one mebibyte; a caller that wants to go slowly waits here. */
  pace?(): Promise<void>;
}

/** The result of an inspection. */
export interface LogInspection {
  readonly logId: string | undefined;
  readonly base: LogBase | undefined;
  /** First seq of the oldest segment. */
  readonly firstSeq: number;
  /** The file of that segment, relative to the data folder. */
  readonly firstFile: string;
  /** The last valid line, or the line before its segment according to the header. */
  readonly end: LogPosition | undefined;
  /** Where the lines of the last segment end, in bytes, without an unfinished one. */
  readonly endOffset: number;
  readonly lineCount: number;
  /** Segments that were read, sound or not. */
  readonly segmentCount: number;
  /** Bytes on disk of all segments that were read. */
  readonly storedBytes: number;
  /** Bytes after the last whole line that were never acknowledged: a write in progress, or a torn tail that the next startup cuts. */
  readonly unfinishedBytes: number;
  /** The last seq that the head proves; undefined if the head is missing or damaged, which costs this proof and nothing else. */
  readonly headSeq: number | undefined;
  /** True if there is no head file. */
  readonly isHeadAbsent: boolean;
  readonly findings: readonly Finding[];
  /** Damage in one form of segments whose other form is sound: no damage to the log. */
  readonly damagedForms: readonly Finding[];
}

/** How often to repeat a step that a running server can disturb. */
const ATTEMPTS = 4;

/** Inspects one log. */
class Inspector {
  readonly #disk: Disk;
  readonly #paths: LogPaths;
  readonly #options: InspectionOptions;
  readonly #findings: Finding[] = [];
  readonly #damagedForms: Finding[] = [];
  readonly #erasures: LogErasures;
  readonly #owed = new OwedErasures();
  #head: HeadReading = UNREAD_HEAD;
  #logId: string | undefined;
  #base: LogBase | undefined;
  #firstSeq: number | undefined;
  #firstFile: string | undefined;
  /** The end of the chain so far; undefined after a fault: then the next header is trusted if its own hash is valid. */
  #chain: (LogPosition & { readonly durable: number }) | undefined;
  #end: LogPosition | undefined;
  #endOffset = 0;
  #takenSeq = 0;
  #lineCount = 0;
  #segmentCount = 0;
  #unfinishedBytes = 0;
  #doneBytes = 0;
  #totalBytes = 0;

  constructor(disk: Disk, paths: LogPaths, options: InspectionOptions) {
    this.#disk = disk;
    this.#paths = paths;
    this.#options = options;
    this.#logId = options.expectedLogId;
    this.#erasures = new LogErasures(disk, paths, options.expectedLogId);
  }

  async run(): Promise<LogInspection | undefined> {
    await this.#readHead();
    const segments = await this.#list();
    if (segments === undefined) return undefined;
    for (const segment of segments) this.#totalBytes += await this.#storedBytes(segment);
    let inspectedSeq = 0;
    for (;;) {
      const present = (await this.#list()) ?? [];
      const segment = present.find(({ firstSeq }) => firstSeq > inspectedSeq);
      if (segment === undefined) break;
      // The inspected segments were removed meanwhile, and perhaps the next ones too.
      if (segment === present[0] && inspectedSeq > 0 && segment.firstSeq - 1 !== this.#chain?.seq) this.#chain = undefined;
      this.#totalBytes = Math.max(this.#totalBytes, this.#doneBytes);
      const isLast = await this.#inspect(segment);
      this.#segmentCount += 1;
      inspectedSeq = segment.firstSeq;
      if (isLast) break;
    }
    this.#checkOwed();
    this.#checkHead();
    this.#checkEnd(this.#options.provenSeq ?? 0, 'as the registry has recorded');
    await this.#checkSecondName();
    return {
      logId: this.#logId, base: this.#base, firstSeq: this.#firstSeq ?? 1, firstFile: this.#firstFile ?? this.#paths.activeName,
      end: this.#end, endOffset: this.#endOffset,
      lineCount: this.#lineCount, segmentCount: this.#segmentCount, storedBytes: this.#doneBytes, unfinishedBytes: this.#unfinishedBytes,
      headSeq: this.#head.head?.seq, isHeadAbsent: this.#head.isAbsent, findings: this.#findings, damagedForms: this.#damagedForms,
    };
  }

  /** Repeats the reading, because a slot that is being written looks damaged. */
  async #readHead(): Promise<void> {
    for (let attempt = 0; attempt < ATTEMPTS; attempt += 1) {
      this.#head = await readHead(this.#disk, this.#paths.head);
      if (!this.#head.damaged) return;
      await nextRound();
    }
  }

  /** The segments that exist now; undefined if there is no log. */
  async #list(): Promise<readonly ListedSegment[] | undefined> {
    try {
      return await listSegments(this.#disk, this.#paths);
    } catch (error) {
      const isMissing = isErrno(error, 'ENOENT');
      const sealed = await listSealed(this.#disk, this.#paths);
      if (isMissing && sealed.length === 0 && (this.#head.head?.seq ?? 0) === 0) return undefined;
      // The active segment comes last although its header cannot be read.
      if (!isMissing && !(error instanceof LogCorruptError) && !(error instanceof LogVersionError)) throw error;
      return [...sealed, { firstSeq: Number.MAX_SAFE_INTEGER, isCompressed: false, isActive: true }];
    }
  }

  async #storedBytes(segment: ListedSegment): Promise<number> {
    return await storedBytesOf(this.#disk, segmentFile(this.#paths, segment));
  }

  /** Inspects one segment; true if the log ends with it. */
  async #inspect(segment: ListedSegment): Promise<boolean> {
    const doneBytes = this.#doneBytes;
    this.#firstFile ??= segmentFile(this.#paths, segment).shownName;
    const isChained = this.#chain !== undefined;
    const first = await this.#attempt(segment);
    if (typeof first === 'boolean') return first;
    this.#findings.push(first.fault);
    // The segment exists, however damaged: the lines before the next one are not missing.
    if (!segment.isActive) this.#firstSeq ??= segment.firstSeq;
    this.#chain = undefined;
    // A segment that does not continue the chain may still be sound by itself.
    const alone = isChained ? await this.#attempt(first.segment) : first;
    if (typeof alone === 'boolean') return alone;
    const { file, offset } = alone.fault;
    if (file !== first.fault.file || offset !== first.fault.offset) this.#findings.push(alone.fault);
    this.#chain = undefined;
    this.#doneBytes = doneBytes + (await this.#storedBytes(alone.segment));
    return alone.segment.isActive === true;
  }

  /** Reads a segment, repeatedly if it changes meanwhile; returns whether the log ends with it, or what is wrong with it. */
  async #attempt(segment: ListedSegment): Promise<boolean | { readonly fault: Finding; readonly segment: ListedSegment }> {
    const before = { doneBytes: this.#doneBytes, chain: this.#chain };
    let now: ListedSegment = segment;
    let formFault: Finding | undefined;
    for (let attempt = 1; ; attempt += 1) {
      this.#doneBytes = before.doneBytes;
      this.#chain = before.chain;
      let fault: Finding | undefined;
      try {
        const isLast = await this.#readOne(now);
        if (formFault !== undefined) this.#damagedForms.push(formFault);
        return isLast;
      } catch (error) {
        this.#options.signal?.throwIfAborted();
        fault = findingIn(error, segmentFile(this.#paths, now).shownName);
        if (fault === undefined) throw error;
      }
      // One sound form of two is enough: startup uses it, and a compaction removes the other one.
      if (formFault !== undefined) return { fault: formFault, segment };
      if (now.isDoubled) {
        formFault = fault;
        now = { firstSeq: now.firstSeq, isCompressed: !now.isCompressed };
        continue;
      }
      const segments = (await this.#list()) ?? [];
      const later = segments.find(({ firstSeq }) => firstSeq === segment.firstSeq);
      const isRemoved = later === undefined && (segments[0]?.firstSeq ?? 0) > segment.firstSeq;
      if (isRemoved) this.#chain = undefined;
      if (isRemoved) return false;
      // Only its writer changes a segment, and only the active one: a fault in any other segment is final.
      const hasMoved = later !== undefined && (later.isActive || now.isActive || later.isCompressed !== now.isCompressed);
      if (!hasMoved || attempt === ATTEMPTS) return { fault, segment: now };
      now = later;
    }
  }

  async #readOne(segment: ListedSegment): Promise<boolean> {
    const file = segmentFile(this.#paths, segment);
    return await withText(this.#disk, file, async (text) => {
      const { sizeBytes } = await text.status();
      const storedBytes = await this.#storedBytes(segment);
      const reader = await this.#start(text, segment, file.shownName);
      await this.#readLines(reader, sizeBytes, storedBytes);
      const { seq, previousHash: hash, durable, offset } = reader.place;
      this.#endOffset = offset;
      const isLast = segment.isActive ? await this.#endActive(text, reader) : this.#endSealed(text, reader, segment, sizeBytes);
      this.#chain = { seq: seq - 1, hash, durable };
      return isLast;
    });
  }

  async #start(text: SegmentText, segment: ListedSegment, shownName: string): Promise<SegmentReader> {
    const { header, sizeBytes: offset } = await readHeader(text, shownName);
    const { project } = this.#paths;
    const isOldest = this.#firstSeq === undefined || this.#firstSeq === header.firstSeq;
    const firstSeq = this.#chain === undefined ? header.firstSeq : this.#chain.seq + 1;
    if (!segment.isActive) checkHeader(header, { project, firstSeq: segment.firstSeq }, shownName);
    refuseGap(project, firstSeq, header.firstSeq);
    checkHeader(header, { project, logId: this.#logId, firstSeq, previousHash: this.#chain?.hash }, shownName);
    checkBeginning(header, shownName, isOldest);
    const { firstKeptSeq } = this.#options;
    if (isOldest && firstKeptSeq !== undefined && header.firstSeq > firstKeptSeq) {
      const expected = `a segment that holds seq ${firstKeptSeq}`;
      throw new LogCorruptError({ file: shownName, offset: 0, seq: firstKeptSeq }, expected, `none before first_seq ${header.firstSeq}`);
    }
    if (isOldest) this.#base = baseIn(header);
    this.#firstSeq ??= header.firstSeq;
    this.#logId ??= header.logId;
    this.#end = { seq: header.firstSeq - 1, hash: header.previousHash };
    const due = { segment: header.firstSeq, offset, seq: header.firstSeq, previousHash: header.previousHash };
    const { checker } = this.#options;
    return new SegmentReader(text, { ...due, durable: this.#chain?.durable ?? 0 }, { erasures: this.#erasures, checker });
  }

  async #readLines(reader: SegmentReader, sizeBytes: number, storedBytes: number): Promise<void> {
    const before = this.#doneBytes;
    for await (const lines of reader.lines(sizeBytes)) {
      this.#options.signal?.throwIfAborted();
      const last = lines.at(-1);
      if (last !== undefined) this.#end = { seq: last.seq, hash: last.hash };
      this.#take(lines);
      this.#doneBytes = before + Math.floor((reader.place.offset / sizeBytes) * storedBytes);
      this.#options.onProgress?.(this.#doneBytes, this.#totalBytes);
      await this.#options.pace?.();
    }
    this.#doneBytes = before + storedBytes;
    this.#options.onProgress?.(this.#doneBytes, Math.max(this.#doneBytes, this.#totalBytes));
  }

  /** Passes on the lines that have not been passed on yet: a segment may be read more than once. */
  #take(lines: readonly LogLine[]): void {
    const { head } = this.#head;
    const isNew = (lines[0]?.seq ?? 0) > this.#takenSeq;
    const fresh = isNew ? lines : lines.filter(({ seq }) => seq > this.#takenSeq);
    const proved = head && fresh.find(({ seq }) => seq === head.seq);
    if (proved !== undefined && proved.hash !== head?.hash) {
      this.#findings.push({
        file: this.#paths.shown('head'), offset: 0, seq: proved.seq, expected: `hash ${proved.hash}`, found: `hash ${head?.hash}`,
      });
    }
    this.#takenSeq = fresh.at(-1)?.seq ?? this.#takenSeq;
    for (const line of fresh) this.#owed.note(line);
    this.#lineCount += fresh.length;
    if (fresh.length > 0) this.#options.take?.(fresh);
  }

  #endSealed(text: SegmentText, reader: SegmentReader, segment: ListedSegment, sizeBytes: number): boolean {
    const named = { firstSeq: segment.firstSeq, shownName: segmentFile(this.#paths, segment).shownName };
    checkSealedEnd(reader, named, sizeBytes);
    if (text instanceof GzipReader) checkNextSeq(text.nextSeq, named, reader.place.seq);
    return false;
  }

  /** Distinguishes a last line that is incomplete or torn from damage; true if the log ends here. */
  async #endActive(text: SegmentText, reader: SegmentReader): Promise<boolean> {
    const { end, place } = reader;
    const { sizeBytes } = await text.status();
    if (end.kind === 'sealed') refuseBytesAfterSeal(this.#paths.activeName, place, sizeBytes);
    if (end.kind !== 'faulty') return end.kind !== 'sealed';
    const { record } = end;
    const bytes = await readTail(text, record.offset, Math.max(sizeBytes, record.offset));
    const verdict = judgeTail({ record, bytes, dueSeq: place.seq, headSeq: this.#head.head?.seq ?? 0 });
    this.#unfinishedBytes = verdict.torn ? bytes.length : 0;
    if (verdict.torn) return true;
    const { expected, found } = record.fault;
    const at = { file: this.#paths.activeName, offset: record.offset, seq: place.seq };
    throw new LogCorruptError(at, expected, `${found} (not a torn tail: ${verdict.reason})`);
  }

  /** An active segment that begins with the same seq as a sealed one has the same text: its rotation is in progress or was interrupted. */
  async #checkSecondName(): Promise<void> {
    for (let attempt = 1; this.#findings.length === 0; attempt += 1) {
      const newest = (await listSealed(this.#disk, this.#paths)).at(-1);
      if (newest === undefined || (await headerOf(this.#disk, activeFile(this.#paths))).firstSeq !== newest.firstSeq) return;
      if ((await secondNameOf(this.#disk, this.#paths, newest)) !== 'none') return;
      if (attempt < ATTEMPTS) continue;
      const expected = `the text of ${this.#paths.shown(segmentName(newest.firstSeq))}, which begins with the same seq`;
      this.#findings.push({ file: this.#paths.activeName, offset: 0, seq: newest.firstSeq, expected, found: 'another text' });
    }
  }

  /** An erased line counts only if the line that records its erasure is in the log, unless a fault already explains why it is not. */
  #checkOwed(): void {
    const { finding } = this.#owed;
    if (finding !== undefined && this.#findings.length === 0) this.#findings.push({ file: this.#paths.activeName, ...finding });
  }

  /** What the head proved before anything was read must be there, unless a fault already explains why it is not. */
  #checkHead(): void {
    const { head } = this.#head;
    if (head === undefined) return;
    const file = this.#paths.shown('head');
    const { seq } = head;
    if (this.#logId !== undefined && head.logId !== this.#logId) {
      this.#findings.push({ file, offset: 0, seq, expected: `log_id ${this.#logId}`, found: `log_id ${head.logId}` });
    } else this.#checkEnd(seq, 'as the head proves');
  }

  /** Reports a missing end once, whichever record proves it. */
  #checkEnd(seq: number, as: string): void {
    if (this.#findings.length > 0 || this.#end === undefined || seq <= this.#end.seq) return;
    const place = { file: this.#paths.activeName, offset: this.#endOffset };
    this.#findings.push(earlyEnd(place, this.#end.seq, `lines up to seq ${seq} ${as}`));
  }
}

/**
 * Inspects the log of a project.
 *
 * @param folder the data folder, absolute
 * @returns undefined if there is none
 */
export async function inspectLog(
  disk: Disk, folder: string, project: string, options: InspectionOptions = {},
): Promise<LogInspection | undefined> {
  return await new Inspector(disk, new LogPaths(folder, project), options).run();
}
