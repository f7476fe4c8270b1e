/**
 * Finds what a log records to be erased, in its files. They are searched when the first erased line is met, and again only for what was
 * written since: most logs have no such line. Each record that is found is verified against the line before it.
 */
import { isErrno } from '../../../base/app-error.js';
import type { Disk } from '../../../disk/disk.js';
import { type Erasure, type Erasures, erasuresIn, goneErasuresIn, looksLikeRedact } from '../../erased-lines.js';
import { claimedHash, claimedSeq, decodeEventLine } from '../../line-format.js';
import { isIllegible, LogCorruptError, LogVersionError } from '../../log-errors.js';
import type { ListedSegment, LogPaths } from '../log-paths.js';
import { readRecords } from '../segment/read-text.js';
import { activeFile, headerOf, listSealed, openSegment } from '../segment/segment-files.js';

/** The erasures of one log. They stay in memory: each takes about as much as its keys and 300 bytes. */
export class LogErasures implements Erasures {
  readonly #disk: Disk;
  readonly #paths: LogPaths;
  readonly #logId: string | undefined;
  readonly #found = new Map<number, Erasure>();
  readonly #gone = new Set<number>();
  /** Up to where each segment has been searched, in bytes, and the hash of the last line before. */
  readonly #searched = new Map<number, { readonly end: number; readonly hash: string | undefined }>();
  #loading: Promise<void> | undefined;
  /** Why a segment could not be searched completely, in the last search. */
  #failure: unknown;

  /** @param logId undefined: any */
  constructor(disk: Disk, paths: LogPaths, logId?: string) {
    this.#disk = disk;
    this.#paths = paths;
    this.#logId = logId;
  }

  find(seq: number): Erasure | undefined {
    return this.#found.get(seq);
  }

  /** Whether values of a line were erased that the log no longer had, as is known by now. */
  isGone(seq: number): boolean {
    return this.#gone.has(seq);
  }

  async load(): Promise<void> {
    this.#loading ??= this.#search().finally(() => (this.#loading = undefined));
    await this.#loading;
  }

  /**
   * Makes sure that the erasures of some lines are known.
   *
   * @throws {LogCorruptError} if one is not recorded; what prevented the search, if a segment could not be read
   */
  async require(seqs: readonly number[]): Promise<void> {
    await this.load();
    const missing = seqs.find((seq) => !this.#found.has(seq));
    if (missing === undefined) return;
    if (this.#failure !== undefined) throw this.#failure;
    const place = { file: this.#paths.activeName, offset: 0 };
    throw new LogCorruptError(place, `a line that records that the line of seq ${missing} was erased`, 'none');
  }

  async #search(): Promise<void> {
    this.#failure = undefined;
    for (const segment of await this.#segments()) {
      try {
        await this.#searchIn(segment);
      } catch (error) {
        // Another reading reports it. What is not found is not recorded.
        if (!isIllegible(error) && !(error instanceof LogVersionError) && !isErrno(error, 'ENOENT')) throw error;
        this.#failure = error;
      }
    }
  }

  /** All segments there are, also where the active one cannot be read. */
  async #segments(): Promise<readonly ListedSegment[]> {
    const sealed = await listSealed(this.#disk, this.#paths);
    try {
      const { firstSeq } = await headerOf(this.#disk, activeFile(this.#paths));
      if (sealed.some((segment) => segment.firstSeq >= firstSeq)) return sealed;
      return [...sealed, { firstSeq, isCompressed: false, isActive: true }];
    } catch (error) {
      this.#failure = error;
      return sealed;
    }
  }

  async #searchIn(segment: ListedSegment): Promise<void> {
    const { firstSeq } = segment;
    const opened = await openSegment(this.#disk, this.#paths, segment);
    if (opened === undefined) return;
    const { text, header, headerBytes } = opened;
    try {
      if (this.#logId !== undefined && header.logId !== this.#logId) return;
      let { end, hash } = this.#searched.get(firstSeq) ?? { end: headerBytes, hash: header.previousHash };
      for await (const records of readRecords(text, end, Math.max(end, (await text.status()).sizeBytes))) {
        for (const { bytes, offset, terminated } of records) {
          if (!terminated) break;
          if (looksLikeRedact(bytes) && hash !== undefined) this.#take(bytes, hash);
          end = offset + bytes.length + 1;
          hash = claimedHash(bytes);
        }
      }
      this.#searched.set(firstSeq, { end, hash });
    } finally {
      await text.close();
    }
  }

  #take(bytes: Buffer, previousHash: string): void {
    const seq = claimedSeq(bytes);
    if (seq === undefined) return;
    const line = decodeEventLine(bytes, { seq, previousHash, durable: 0, segment: 0, offset: 0 });
    if (!line.ok) return;
    for (const gone of goneErasuresIn(line.value.body)) this.#gone.add(gone);
    for (const erasure of erasuresIn(line.value, line.value.body)) {
      if (!this.#found.has(erasure.seq)) this.#found.set(erasure.seq, erasure);
    }
  }
}
