/**
 * Checking a whole log from its files, changing nothing, while a server may be writing to it: every line, every seal, every
 * checksum. It does not stop at a fault but goes on with the next segment, so that all of them are named.
 *
 * What a server at work leaves for a moment is no fault: a last line that is not whole yet, a rotation between two steps, a segment
 * that is compressed or removed between the question for it and the opening. The head is read first: what it proved then has to be
 * there.
 */
import { setImmediate as nextRound } from 'node:timers/promises';
import { isErrno } from '../../../base/app-error.js';
import type { Finding } from '../../../base/finding.js';
import type { Disk } from '../../../disk/disk.js';
import { earlyEnd, findingIn, LogCorruptError, LogVersionError } from '../../log-errors.js';
import type { LogBase, LogLine, LogPosition } from '../../log.js';
import { GzipReader } from '../segment/gzip-reader.js';
import { type HeadReading, readHead } from '../head-file.js';
import { LogPaths, sealedSegmentNames, segmentName } from '../log-paths.js';
import { baseIn, checkBeginning, checkNextSeq, checkSealedEnd, refuseBytesAfterSeal, refuseGap } from '../segment/segment-check.js';
import { listSealed, listSegments } from '../segment-list.js';
import { secondNameOf } from '../second-name.js';
import { checkHeader, readHeader, SegmentReader } from '../segment/segment-reader.js';
import { activeFile, fileOf, openText, type ReadableSegment, type SegmentText, withText } from '../segment/segment-files.js';
import { judgeTail, readTail } from './torn-tail.js';

/** How a log is inspected. */
export interface InspectionOptions {
  /** The id that it must have. */
  readonly expectedLogId?: string;
  /** Lowest seq that must be there. @default whatever the oldest segment begins with */
  readonly firstKeptSeq?: number;
  /** A seq that the log is recorded elsewhere to have had on disk. @default none */
  readonly provenSeq?: number | undefined;
  /** Stops the inspection: it rejects with the signal's reason. */
  readonly signal?: AbortSignal;
  /** Given every line that is valid, in order, each once. */
  take?(lines: readonly LogLine[]): void;
  /** Told how many bytes on disk are done, of how many. */
  onProgress?(doneBytes: number, totalBytes: number): void;
  /** Awaited between pieces of about a mebibyte; who wants it slow waits here. */
  pace?(): Promise<void>;
}

/** What was found. */
export interface LogInspection {
  readonly logId: string | undefined;
  readonly base: LogBase | undefined;
  /** First seq of the oldest segment. */
  readonly firstSeq: number;
  /** The file of that segment, relative to the home of the logs. */
  readonly firstFile: string;
  /** The last valid line, or what its segment's header says of the one before. */
  readonly end: LogPosition | undefined;
  /** Where the text of the last segment that was read ends, in bytes, without what is unfinished. */
  readonly endOffset: number;
  readonly lineCount: number;
  /** Segments that were read, whether they are sound or not. */
  readonly segmentCount: number;
  /** Bytes on disk of all segments that were read. */
  readonly storedBytes: number;
  /** Bytes after the last whole line that were never acknowledged: a write in progress, or a torn tail that the next start cuts. */
  readonly unfinishedBytes: number;
  /** The last seq that the head proves; undefined when the head is missing or cannot be read, which costs its proof and nothing else. */
  readonly headSeq: number | undefined;
  /** True when there is no head at all. */
  readonly isHeadAbsent: boolean;
  readonly findings: readonly Finding[];
  /** What is wrong with one form of segments whose other form is sound: no damage to the log. */
  readonly damagedForms: readonly Finding[];
}

/** A segment may move on under the inspection; so often it is looked for anew. */
const ATTEMPTS = 4;

/** Inspects one log. */
class Inspector {
  readonly #disk: Disk;
  readonly #paths: LogPaths;
  readonly #options: InspectionOptions;
  readonly #findings: Finding[] = [];
  readonly #damagedForms: Finding[] = [];
  #head: HeadReading = { head: undefined, slot: 0, damaged: true, isAbsent: true };
  #logId: string | undefined;
  #base: LogBase | undefined;
  #firstSeq: number | undefined;
  #firstFile: string | undefined;
  /** Where the chain stands; undefined after a fault: the next header is then believed if its own hash holds. */
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
      // What was inspected and is gone was removed meanwhile, and perhaps what followed on it too.
      if (segment === present[0] && inspectedSeq > 0 && segment.firstSeq - 1 !== this.#chain?.seq) this.#chain = undefined;
      this.#totalBytes = Math.max(this.#totalBytes, this.#doneBytes);
      const isLast = await this.#inspect(segment);
      this.#segmentCount += 1;
      inspectedSeq = segment.firstSeq;
      if (isLast) break;
    }
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

  /** A slot that is being written at this moment looks damaged: the other one is then believed only if it stays so. */
  async #readHead(): Promise<void> {
    for (let attempt = 0; attempt < ATTEMPTS; attempt += 1) {
      this.#head = await readHead(this.#disk, this.#paths.head);
      if (!this.#head.damaged) return;
      await nextRound();
    }
  }

  /** The segments as they lie there now; undefined when there is no log. */
  async #list(): Promise<readonly ReadableSegment[] | undefined> {
    try {
      return await listSegments(this.#disk, this.#paths);
    } catch (error) {
      const isMissing = isErrno(error, 'ENOENT');
      const sealed = await listSealed(this.#disk, this.#paths);
      if (isMissing && sealed.length === 0 && (this.#head.head?.seq ?? 0) === 0) return undefined;
      // The active segment comes last whatever is wrong with it: its header does not say where it stands.
      const firstSeq = Number.MAX_SAFE_INTEGER;
      if (!isMissing && !(error instanceof LogCorruptError) && !(error instanceof LogVersionError)) throw error;
      return [...sealed, { firstSeq, form: 'active' }];
    }
  }

  async #storedBytes(segment: ReadableSegment): Promise<number> {
    return (await this.#disk.status(fileOf(this.#paths, segment).path))?.sizeBytes ?? 0;
  }

  /** Inspects one segment; true when the log ends with it. */
  async #inspect(segment: ReadableSegment): Promise<boolean> {
    const doneBytes = this.#doneBytes;
    this.#firstFile ??= fileOf(this.#paths, segment).shownName;
    const isChained = this.#chain !== undefined;
    const first = await this.#attempt(segment);
    if (typeof first === 'boolean') return first;
    this.#findings.push(first.fault);
    // It is there, however damaged: what comes before the next one is not missing.
    if (segment.form !== 'active') this.#firstSeq ??= segment.firstSeq;
    this.#chain = undefined;
    // What does not follow on what came before may be sound in itself.
    const alone = isChained ? await this.#attempt(first.segment) : first;
    if (typeof alone === 'boolean') return alone;
    const { file, offset } = alone.fault;
    if (file !== first.fault.file || offset !== first.fault.offset) this.#findings.push(alone.fault);
    this.#chain = undefined;
    this.#doneBytes = doneBytes + (await this.#storedBytes(alone.segment));
    return alone.segment.form === 'active';
  }

  /** Reads a segment, again and again while it moves on: whether the log ends with it, or what is wrong with it. */
  async #attempt(segment: ReadableSegment): Promise<boolean | { readonly fault: Finding; readonly segment: ReadableSegment }> {
    const before = { doneBytes: this.#doneBytes, chain: this.#chain };
    let now: ReadableSegment = segment;
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
        fault = findingIn(error, fileOf(this.#paths, now).shownName);
        if (fault === undefined) throw error;
      }
      // Of two forms one that is sound is enough: a start finds it, and a compaction removes the other one.
      if (formFault !== undefined) return { fault: formFault, segment };
      if (now.isDoubled) {
        formFault = fault;
        now = { firstSeq: now.firstSeq, form: now.form === 'plain' ? 'compressed' : 'plain' };
        continue;
      }
      const segments = (await this.#list()) ?? [];
      const later = segments.find(({ firstSeq }) => firstSeq === segment.firstSeq);
      const isRemoved = later === undefined && (segments[0]?.firstSeq ?? 0) > segment.firstSeq;
      if (isRemoved) this.#chain = undefined;
      if (isRemoved) return false;
      // Nothing but its writer changes a segment, and only the active one: what has not moved on is what it is.
      const hasMoved = later !== undefined && (later.form !== now.form || later.form === 'active');
      if (!hasMoved || attempt === ATTEMPTS) return { fault, segment: now };
      now = later;
    }
  }

  async #readOne(segment: ReadableSegment): Promise<boolean> {
    const file = fileOf(this.#paths, segment);
    const text = await openText(this.#disk, file);
    try {
      const { sizeBytes } = await text.status();
      const storedBytes = await this.#storedBytes(segment);
      const reader = await this.#start(text, segment, file.shownName);
      await this.#readLines(reader, { sizeBytes, storedBytes });
      const { seq, previousHash: hash, durable, offset } = reader.place;
      this.#endOffset = offset;
      const isActive = segment.form === 'active';
      const isLast = isActive ? await this.#endActive(text, reader) : this.#endSealed(text, reader, { segment, sizeBytes });
      this.#chain = { seq: seq - 1, hash, durable };
      return isLast;
    } finally {
      await text.close();
    }
  }

  async #start(text: SegmentText, segment: ReadableSegment, shownName: string): Promise<SegmentReader> {
    const { header, sizeBytes: offset } = await readHeader(text, shownName);
    const { project } = this.#paths;
    const isOldest = this.#firstSeq === undefined || this.#firstSeq === header.firstSeq;
    const firstSeq = this.#chain === undefined ? header.firstSeq : this.#chain.seq + 1;
    if (segment.form !== 'active') checkHeader(header, { project, firstSeq: segment.firstSeq }, shownName);
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
    return new SegmentReader(text, { ...due, durable: this.#chain?.durable ?? 0 });
  }

  async #readLines(reader: SegmentReader, sizes: { readonly sizeBytes: number; readonly storedBytes: number }): Promise<void> {
    const before = this.#doneBytes;
    for await (const lines of reader.lines(sizes.sizeBytes)) {
      this.#options.signal?.throwIfAborted();
      const last = lines.at(-1);
      if (last !== undefined) this.#end = { seq: last.seq, hash: last.hash };
      this.#hand(lines);
      this.#doneBytes = before + Math.floor((reader.place.offset / sizes.sizeBytes) * sizes.storedBytes);
      this.#options.onProgress?.(this.#doneBytes, this.#totalBytes);
      await this.#options.pace?.();
    }
    this.#doneBytes = before + sizes.storedBytes;
    this.#options.onProgress?.(this.#doneBytes, Math.max(this.#doneBytes, this.#totalBytes));
  }

  /** Hands lines on that have not been: a segment that moved on is read once more. */
  #hand(lines: readonly LogLine[]): void {
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
    this.#lineCount += fresh.length;
    if (fresh.length > 0) this.#options.take?.(fresh);
  }

  #endSealed(
    text: SegmentText, reader: SegmentReader, { segment, sizeBytes }: { readonly segment: ReadableSegment; readonly sizeBytes: number },
  ): boolean {
    const named = { firstSeq: segment.firstSeq, shownName: fileOf(this.#paths, segment).shownName };
    checkSealedEnd(reader, named, sizeBytes);
    if (text instanceof GzipReader) checkNextSeq(text.nextSeq, named, reader.place.seq);
    return false;
  }

  /** Tells a last line that is not whole yet, or was torn, from damage; true when the log ends here. */
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
    const found = `${record.fault.found} (not a torn tail: ${verdict.reason})`;
    throw new LogCorruptError({ file: this.#paths.activeName, offset: record.offset, seq: place.seq }, record.fault.expected, found);
  }

  /** An active segment that begins where a sealed one does is the same text, while a rotation is under way or was interrupted. */
  async #checkSecondName(): Promise<void> {
    for (let attempt = 1; this.#findings.length === 0; attempt += 1) {
      const newest = sealedSegmentNames(await this.#disk.list(this.#paths.folder)).at(-1);
      if (newest === undefined || (await this.#firstSeqOfActive()) !== newest.firstSeq) return;
      if ((await secondNameOf(this.#disk, this.#paths, newest)) !== 'none') return;
      if (attempt < ATTEMPTS) continue;
      const expected = `the text of ${this.#paths.shown(segmentName(newest.firstSeq))}, which begins with the same seq`;
      this.#findings.push({ file: this.#paths.activeName, offset: 0, seq: newest.firstSeq, expected, found: 'another text' });
    }
  }

  async #firstSeqOfActive(): Promise<number> {
    return (await withText(this.#disk, activeFile(this.#paths), (text) => readHeader(text, this.#paths.activeName))).header.firstSeq;
  }

  /** What the head proved before anything was read has to be there, unless a fault says already what is not. */
  #checkHead(): void {
    const { head } = this.#head;
    if (head === undefined) return;
    const file = this.#paths.shown('head');
    const { seq } = head;
    if (this.#logId !== undefined && head.logId !== this.#logId) {
      this.#findings.push({ file, offset: 0, seq, expected: `log_id ${this.#logId}`, found: `log_id ${head.logId}` });
    } else this.#checkEnd(seq, 'as the head proves');
  }

  /** One fault says it: what is missing at the end is missing by whatever proof. */
  #checkEnd(seq: number, as: string): void {
    if (this.#findings.length > 0 || this.#end === undefined || seq <= this.#end.seq) return;
    const place = { file: this.#paths.activeName, offset: this.#endOffset };
    this.#findings.push(earlyEnd(place, this.#end.seq, `lines up to seq ${seq} ${as}`));
  }
}

/**
 * Inspects a log.
 *
 * @param where the home of the logs, absolute, and the project's id
 * @param options what must hold, and where findings go
 * @returns what was found; undefined when there is no log of that name
 */
export async function inspectLog(
  disk: Disk, where: { readonly folder: string; readonly project: string }, options: InspectionOptions = {},
): Promise<LogInspection | undefined> {
  return await new Inspector(disk, new LogPaths(where.folder, where.project), options).run();
}
