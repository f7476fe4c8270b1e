/**
 * Recovery: making sure that what lies on disk is the log that was written, before anything is served from it.
 *
 * Two phases. The first reads everything, checks every line against the chain and hands it to the caller, and changes
 * nothing; whatever cannot be trusted ends it with an error. The second heals what a crash may leave behind: it cuts a torn
 * tail (a copy is kept), finishes a rotation, and proves the end of the log to be on disk. Each of its steps can be
 * interrupted and repeated.
 */
import { invariant } from '../../base/invariant.js';
import type { Logger } from '../../base/logger.js';
import { genesisHash } from '../line-format.js';
import { LogCorruptError } from '../log-errors.js';
import type { LogPosition, ReplayLine } from '../log.js';
import { appendAll, changeFolder, type Disk, type DiskFile } from '../../disk/disk.js';
import { type HeadReading, readHead } from './head-file.js';
import { type LogPaths, sealedFirstSeqs, segmentName } from './log-paths.js';
import { activateNextSegment, nameSealedSegment, prepareNextSegment } from './rotation.js';
import { checkHeader, type DueHeader, type FaultyRecord, readHeader, SegmentReader } from './segment-reader.js';
import { judgeTail, keepTornTail, readTail } from './torn-tail.js';

/** A log whose bytes are sound. */
export interface RecoveredLog {
  readonly logId: string;
  /** The last line; everything up to it is on disk. */
  readonly end: LogPosition;
  /** Time of the last line in milliseconds since 1970, 0 for an empty log. */
  readonly lastTimeMs: number;
  /** First seqs of the sealed segments, ascending. */
  readonly sealed: readonly number[];
  /** The active segment. */
  readonly active: { readonly firstSeq: number; readonly sizeBytes: number };
  readonly head: HeadReading;
  /** Bytes that were cut as a torn tail, 0 for none. */
  readonly tornBytes: number;
}

/** What recovery is told. */
export interface RecoverOptions {
  readonly expectedLogId?: string | undefined;
  readonly replay: ReplayLine;
  readonly logger: Logger;
}

/** What the first phase knows of the chain so far. */
interface ChainState {
  logId: string | undefined;
  seq: number;
  hash: string | undefined;
  durable: number;
  lastTimeMs: number;
}

/** How the active segment ends, and what is to be done about it. */
interface ActiveFinding {
  readonly firstSeq: number;
  /** Where the last valid record ends, its line feed aside if that is missing. */
  readonly validBytes: number;
  readonly lacksLineFeed: boolean;
  readonly torn: { readonly bytes: Buffer; readonly offset: number; readonly dueSeq: number } | undefined;
  readonly sealed: boolean;
  /** Where that begins which the head does not prove to be on disk. */
  readonly unprovenOffset: number;
}

/** Recovers one log. */
class Recovery {
  readonly #disk: Disk;
  readonly #paths: LogPaths;
  readonly #options: RecoverOptions;
  readonly #chain: ChainState;
  #head: HeadReading = { head: undefined, slot: 0, damaged: true };

  constructor(disk: Disk, paths: LogPaths, options: RecoverOptions) {
    this.#disk = disk;
    this.#paths = paths;
    this.#options = options;
    this.#chain = { logId: options.expectedLogId, seq: 0, hash: undefined, durable: 0, lastTimeMs: 0 };
  }

  async run(): Promise<RecoveredLog | undefined> {
    const names = await this.#disk.list(this.#paths.folder);
    const active = await this.#disk.status(this.#paths.active);
    const named = sealedFirstSeqs(names);
    this.#head = await readHead(this.#disk, this.#paths.head);
    if (active === undefined) {
      // A creation that was interrupted leaves a head that proves nothing; any other was written for lines that are gone.
      if (named.length === 0 && (this.#head.head?.seq ?? 0) === 0) return undefined;
      throw new LogCorruptError({ file: this.#paths.activeName, offset: 0 }, 'the active segment', 'no such file');
    }
    const last = named.at(-1);
    const lastStatus = last === undefined ? undefined : await this.#disk.status(this.#paths.inFolder(segmentName(last)));
    // One file under both names: a rotation stopped between its third and its fourth step.
    const isNamedAlready = lastStatus?.inode === active.inode;
    const sealed = isNamedAlready ? named.slice(0, -1) : named;
    for (const firstSeq of sealed) await this.#readSealed(firstSeq);
    const finding = await this.#readActive(active.sizeBytes);
    this.#refuseMissingEnd(finding.validBytes);
    if (isNamedAlready && !finding.sealed) {
      const expected = 'a seal, since the file is named as a sealed segment';
      throw corrupt(this.#paths.activeName, finding.validBytes, { seq: this.#chain.seq + 1, expected, found: 'none' });
    }
    return await this.#heal(finding, { sealed, isNamedAlready });
  }

  /** The header that the next segment must have. */
  #dueHeader(): DueHeader {
    return { project: this.#paths.project, logId: this.#chain.logId, firstSeq: this.#chain.seq + 1, previousHash: this.#chain.hash };
  }

  /** Reads a header and starts reading lines after it. */
  async #start(file: DiskFile, shownName: string): Promise<SegmentReader> {
    const { header, sizeBytes } = await readHeader(file, shownName);
    checkHeader(header, this.#dueHeader(), shownName);
    const genesis = genesisHash(header.project, header.logId);
    if (this.#chain.hash === undefined) checkHeader(header, { ...this.#dueHeader(), previousHash: genesis }, shownName);
    this.#chain.logId = header.logId;
    this.#chain.hash ??= genesis;
    this.#refuseForeignHead(header.logId);
    const due = { seq: this.#chain.seq + 1, previousHash: this.#chain.hash, durable: this.#chain.durable };
    return new SegmentReader(file, { ...due, offset: sizeBytes }, this.#head.head?.seq);
  }

  async #replay(reader: SegmentReader, sizeBytes: number, shownName: string): Promise<void> {
    const head = this.#head.head;
    for await (const lines of reader.lines(sizeBytes)) {
      for (const line of lines) {
        if (line.seq === head?.seq && line.hash !== head.hash) {
          throw new LogCorruptError(
            { file: shownName, offset: 0, seq: line.seq }, `hash ${head.hash} as the head says`, `hash ${line.hash}`,
          );
        }
        this.#options.replay(line);
        this.#chain.lastTimeMs = line.timeMs;
      }
    }
    const { seq, previousHash, durable } = reader.place;
    this.#chain.seq = seq - 1;
    this.#chain.hash = previousHash;
    this.#chain.durable = durable;
  }

  async #readSealed(firstSeq: number): Promise<void> {
    const name = segmentName(firstSeq);
    const shownName = this.#paths.shown(name);
    await this.#withFile(this.#paths.inFolder(name), async (file) => {
      const { sizeBytes } = await file.status();
      const reader = await this.#start(file, shownName);
      if (firstSeq !== this.#chain.seq + 1) {
        throw new LogCorruptError(
          { file: shownName, offset: 0, seq: this.#chain.seq + 1 }, `a segment that begins with seq ${this.#chain.seq + 1}`, name,
        );
      }
      await this.#replay(reader, sizeBytes, shownName);
      const { end, place } = reader;
      if (end.kind === 'faulty') throw corrupt(shownName, end.record.offset, { seq: place.seq, ...end.record.fault });
      if (end.kind !== 'sealed') {
        throw corrupt(shownName, place.offset, { seq: place.seq, expected: 'a line or a seal', found: 'the end of the file' });
      }
      if (end.seal.sealedName !== name) {
        throw corrupt(shownName, place.offset, { seq: place.seq, expected: `a seal for ${name}`, found: end.seal.sealedName });
      }
      refuseBytesAfterSeal(shownName, place, sizeBytes);
    });
  }

  async #readActive(sizeBytes: number): Promise<ActiveFinding> {
    const shownName = this.#paths.activeName;
    return await this.#withFile(this.#paths.active, async (file) => {
      const firstSeq = this.#chain.seq + 1;
      const reader = await this.#start(file, shownName);
      await this.#replay(reader, sizeBytes, shownName);
      const { end, place } = reader;
      if (end.kind === 'sealed') refuseBytesAfterSeal(shownName, place, sizeBytes);
      const torn = end.kind === 'faulty' ? await this.#judge(file, { ...end.record, sizeBytes, dueSeq: place.seq }) : undefined;
      const unprovenOffset = reader.markOffset ?? (this.#head.head?.seq === this.#chain.seq ? place.offset : 0);
      const lacksLineFeed = end.kind === 'unterminated';
      return { firstSeq, validBytes: place.offset, lacksLineFeed, torn, sealed: end.kind === 'sealed', unprovenOffset };
    });
  }

  async #judge(
    file: DiskFile,
    record: FaultyRecord & { readonly sizeBytes: number; readonly dueSeq: number },
  ): Promise<{ readonly bytes: Buffer; readonly offset: number; readonly dueSeq: number }> {
    const bytes = await readTail(file, record.offset, record.sizeBytes);
    const verdict = judgeTail({ record, bytes, dueSeq: record.dueSeq, headSeq: this.#head.head?.seq ?? 0 });
    if (verdict.torn) return { bytes, offset: record.offset, dueSeq: record.dueSeq };
    const found = `${record.fault.found} (not a torn tail: ${verdict.reason})`;
    throw corrupt(this.#paths.activeName, record.offset, { seq: record.dueSeq, expected: record.fault.expected, found });
  }

  /** Before any line is compared with it: the head of another log says nothing of this one. */
  #refuseForeignHead(logId: string): void {
    const { head } = this.#head;
    if (head === undefined || head.logId === logId) return;
    throw corrupt(this.#paths.shown('head'), 0, { seq: head.seq, expected: `log_id ${logId}`, found: `log_id ${head.logId}` });
  }

  /** Refuses a log that ends before what the head proves. */
  #refuseMissingEnd(endOffset: number): void {
    const seq = this.#head.head?.seq ?? 0;
    if (seq <= this.#chain.seq) return;
    const expected = `lines up to seq ${seq} as the head proves`;
    throw corrupt(this.#paths.activeName, endOffset, { seq: this.#chain.seq + 1, expected, found: `the end after seq ${this.#chain.seq}` });
  }

  async #heal(
    finding: ActiveFinding, names: { readonly sealed: readonly number[]; readonly isNamedAlready: boolean },
  ): Promise<RecoveredLog> {
    const { logId, seq, hash, lastTimeMs } = this.#chain;
    invariant(logId !== undefined && hash !== undefined, 'a log that was read has an id and a hash');
    await changeFolder(this.#disk, this.#paths.home, () => this.#disk.makeFolder(this.#paths.folder));
    await changeFolder(this.#disk, this.#paths.folder, () => this.#dropTemporaryFiles());
    const sizeBytes = await this.#healTail(finding);
    await this.#proveTail(finding.unprovenOffset, sizeBytes);
    if (this.#head.damaged) {
      this.#options.logger.warn({ project: this.#paths.project }, 'the head was missing or damaged; it is written anew');
    }
    const common = { logId, end: { seq, hash }, lastTimeMs, head: this.#head, tornBytes: finding.torn?.bytes.length ?? 0 };
    if (!finding.sealed) return { ...common, sealed: names.sealed, active: { firstSeq: finding.firstSeq, sizeBytes } };
    this.#options.logger.info({ project: this.#paths.project, next_seq: seq + 1 }, 'a rotation that was interrupted is finished');
    const header = { project: this.#paths.project, logId, firstSeq: seq + 1, previousHash: hash };
    const nextBytes = await prepareNextSegment(this.#disk, this.#paths, header);
    if (!names.isNamedAlready) await nameSealedSegment(this.#disk, this.#paths, finding.firstSeq);
    await activateNextSegment(this.#disk, this.#paths);
    return { ...common, sealed: [...names.sealed, finding.firstSeq], active: { firstSeq: seq + 1, sizeBytes: nextBytes } };
  }

  async #dropTemporaryFiles(): Promise<void> {
    for (const path of [this.#paths.next, this.#paths.probe, `${this.#paths.head}.tmp`]) await this.#disk.unlink(path);
  }

  /** Cuts a torn tail or gives the last line its line feed; returns the size of the file afterwards. */
  async #healTail(finding: ActiveFinding): Promise<number> {
    const { torn, validBytes, lacksLineFeed } = finding;
    if (torn === undefined && !lacksLineFeed) return validBytes;
    const keptAs = torn && (await keepTornTail(this.#disk, this.#paths, torn));
    const file = await this.#disk.open(this.#paths.active, 'append');
    try {
      if (torn !== undefined) await file.truncate(validBytes);
      else await appendAll(file, Buffer.from('\n'));
      await file.datasync();
    } finally {
      await file.close();
    }
    const place = { project: this.#paths.project, file: this.#paths.activeName, offset: validBytes, seq: this.#chain.seq + 1 };
    if (torn !== undefined) {
      const cut = { ...place, bytes: torn.bytes.length, kept_as: keptAs };
      this.#options.logger.warn(cut, 'a torn tail was cut; nothing in it had been acknowledged');
    } else this.#options.logger.warn(place, 'the last line lacked its line feed; it was added');
    return lacksLineFeed ? validBytes + 1 : validBytes;
  }

  /**
   * Writes what the head does not prove once more, in place, and syncs it. After a sync that failed, the page cache can hold
   * lines that the disk lacks and believes to have written; reading them back proves nothing, writing them again does.
   */
  async #proveTail(fromOffset: number, sizeBytes: number): Promise<void> {
    await this.#withFile(
      this.#paths.active,
      async (file) => {
        const piece = Buffer.allocUnsafe(PROOF_PIECE_BYTES);
        for (let offset = fromOffset; offset < sizeBytes; offset += piece.length) {
          const bytes = piece.subarray(0, Math.min(piece.length, sizeBytes - offset));
          const count = await file.read(bytes, offset);
          invariant(count === bytes.length, 'the tail did not shrink while it was proved');
          const written = await file.overwrite(bytes, offset);
          invariant(written === bytes.length, 'bytes that exist can be written again');
        }
        await file.datasync();
      },
      'overwrite',
    );
  }

  async #withFile<T>(path: string, work: (file: DiskFile) => Promise<T>, mode: 'read' | 'overwrite' = 'read'): Promise<T> {
    const file = await this.#disk.open(path, mode);
    try {
      return await work(file);
    } finally {
      await file.close();
    }
  }
}

const PROOF_PIECE_BYTES = 1_048_576;

function corrupt(
  file: string, offset: number, what: { readonly seq: number; readonly expected: string; readonly found: string },
): LogCorruptError {
  return new LogCorruptError({ file, offset, seq: what.seq }, what.expected, what.found);
}

function refuseBytesAfterSeal(file: string, place: { readonly offset: number; readonly seq: number }, sizeBytes: number): void {
  if (place.offset === sizeBytes) return;
  throw corrupt(
    file, place.offset, { seq: place.seq, expected: 'nothing after the seal', found: `${sizeBytes - place.offset} more bytes` },
  );
}

/**
 * Recovers a log and replays it.
 *
 * @param disk the disk
 * @param paths the project's paths
 * @param options which log it must be, who is given the lines
 * @returns the recovered log, undefined when there is none of that name
 * @throws {LogCorruptError} when what is on disk cannot be trusted; nothing has been changed then
 */
export async function recoverLog(disk: Disk, paths: LogPaths, options: RecoverOptions): Promise<RecoveredLog | undefined> {
  return await new Recovery(disk, paths, options).run();
}
