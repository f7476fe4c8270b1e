/**
 * A log that cannot be trusted, looked at record by record: which lines go on from a hash that can be trusted, and what the
 * others seem to be about. Headers and seals prove nothing here; only the chain of lines does. It must have no writer.
 */
import type { Disk } from '../disk/disk.js';
import { findKeyFault } from '../events/key-name.js';
import { LogPaths } from '../log/file/log-paths.js';
import { readRecords } from '../log/file/segment/read-records.js';
import { listSealed } from '../log/file/segment-list.js';
import { readHeader } from '../log/file/segment/segment-reader.js';
import { activeFile, openText, type SegmentFile, withText } from '../log/file/segment/segment-files.js';
import { findSoundFile } from '../log/file/segment/verify-segment.js';
import {
  claimedHash, claimedOp, claimedSeq, decodeEventLine, looksLikeHeader, looksLikeSeal, type SegmentHeader,
} from '../log/line-format.js';
import { isIllegible, LogVersionError } from '../log/log-errors.js';
import type { LogLine, LogPosition } from '../log/log.js';

/** One file of the log, oldest first. */
export interface DamagedSegment {
  readonly file: SegmentFile;
  /** By its name, or for the active one by its header; undefined where that cannot be read. */
  readonly firstSeq: number | undefined;
  readonly header: SegmentHeader | undefined;
}

/** A record that is not part of what is kept. */
export interface StrayRecord {
  readonly sizeBytes: number;
  /** Whether its own hash holds after the one that the record before it ends with: its text is what was written, if that one's is. */
  readonly isWhole: boolean;
  /** What it says of itself, where that is legible; nothing of it has been proved. Of a damaged one, where it stands corrects its seq. */
  readonly seq: number | undefined;
  readonly op: string | undefined;
  readonly key: string | undefined;
}

/** Where what is kept ends. */
export interface KeptEnd extends LogPosition {
  /** Of the last line that is kept; undefined where that is in no file any more, since a snapshot holds it. */
  readonly place?: LogLine['place'];
}

const KEY_CLAIM = /"key":("(?:[^"\\]|\\.)*")/;
/** From here on a client's text may look like anything. */
const VALUE_MARK = ',"value":';
/** What a decoder of UTF-8 puts in the place of bytes that are none. */
const NOT_UTF8 = '\ufffd';
/** How much of a record is looked at for what it says of itself: a longest key, escaped, and what stands before it. */
const CLAIM_BYTES_MAX = 16_384;

/** A log whose files may be damaged anywhere. */
export class DamagedLog {
  readonly segments: readonly DamagedSegment[];
  readonly #disk: Disk;
  #hasUnread = false;

  private constructor(disk: Disk, segments: readonly DamagedSegment[]) {
    this.#disk = disk;
    this.segments = segments;
  }

  /**
   * Looks which files there are.
   *
   * @param dataFolder the data folder, absolute
   * @returns the log, without a segment where there is none
   */
  static async open(disk: Disk, dataFolder: string, project: string): Promise<DamagedLog> {
    const segments: DamagedSegment[] = [];
    for await (const segment of segmentsOf(disk, new LogPaths(dataFolder, project))) segments.push(segment);
    return new DamagedLog(disk, segments);
  }

  /** Whether a file, or the rest of one, could not be read at all when lines or records were looked for. */
  get hasUnread(): boolean {
    return this.#hasUnread;
  }

  /**
   * Finds the lines that go on from a place, until the first that does not.
   *
   * @returns valid lines in groups; their places are for `DamagedTexts.read`
   */
  async *linesAfter(from: LogPosition): AsyncGenerator<readonly LogLine[]> {
    const chain = { seq: from.seq + 1, previousHash: from.hash, durable: 0, isFound: false, isOver: false };
    const first = this.segments.findLastIndex(({ firstSeq }) => firstSeq !== undefined && firstSeq <= chain.seq);
    for (let index = Math.max(first, 0); index < this.segments.length && !chain.isOver; index += 1) {
      for await (const records of this.#records(index)) {
        const lines: LogLine[] = [];
        for (const { bytes, offset } of records) {
          if (looksLikeSeal(bytes) || looksLikeHeader(bytes)) continue;
          const decoded = decodeEventLine(bytes, { ...chain, segment: index, offset });
          if (!decoded.ok && chain.isFound) chain.isOver = true;
          if (!decoded.ok && chain.isFound) break;
          if (!decoded.ok) continue;
          const { seq, hash: previousHash, durable } = decoded.value;
          Object.assign(chain, { seq: seq + 1, previousHash, durable, isFound: true });
          lines.push(decoded.value);
        }
        if (lines.length > 0) yield lines;
        if (chain.isOver) return;
      }
    }
  }

  /**
   * Finds the records that come after a line. Where that line is in no file any more, they are those that say so, or say nothing legible.
   */
  async *strayRecords({ place, ...end }: KeptEnd): AsyncGenerator<StrayRecord> {
    let due = place === undefined ? undefined : end.seq + 1;
    let previousHash = place === undefined ? '' : end.hash;
    for (let index = place?.segment ?? 0; index < this.segments.length; index += 1) {
      if (index !== place?.segment) due = this.segments[index]?.firstSeq ?? due;
      for await (const records of this.#records(index)) {
        for (const { bytes, offset } of records) {
          if (index === place?.segment && offset <= place.offset) continue;
          if (looksLikeSeal(bytes) || looksLikeHeader(bytes)) continue;
          const record = readClaims(bytes, { due, previousHash });
          previousHash = claimedHash(bytes) ?? '';
          if (record.seq !== undefined) due = record.seq + 1;
          if (record.seq !== undefined && record.seq <= end.seq) continue;
          yield record;
        }
      }
    }
  }

  async *#records(index: number): ReturnType<typeof readRecords> {
    const segment = this.segments[index];
    if (segment === undefined) return;
    try {
      const text = await openText(this.#disk, segment.file);
      try {
        yield* readRecords(text, 0, (await text.status()).sizeBytes);
      } finally {
        await text.close();
      }
    } catch (error) {
      // The rest of a file that cannot be read holds nothing that could be proved.
      if (!isIllegible(error)) throw error;
      this.#hasUnread = true;
    }
  }
}

/**
 * Reads what a record says of itself.
 *
 * @param expected the seq that it has by its place, where that is known, and the hash that the record before it ends with
 */
function readClaims(bytes: Buffer, expected: { readonly due: number | undefined; readonly previousHash: string }): StrayRecord {
  const [text = ''] = bytes.toString('utf8', 0, CLAIM_BYTES_MAX).split(VALUE_MARK, 1);
  const claimed = claimedSeq(bytes);
  const op = claimedOp(text);
  const keyText = KEY_CLAIM.exec(text)?.[1];
  const { due, previousHash } = expected;
  const place = { seq: claimed ?? 1, previousHash, durable: 0, segment: 0, offset: 0 };
  const isWhole = claimed !== undefined && previousHash !== '' && decodeEventLine(bytes, place).ok;
  // A damaged number must not make it belong elsewhere.
  const seq = claimed === undefined || isWhole ? claimed : due ?? claimed;
  return { sizeBytes: bytes.length + 1, isWhole, seq, op, key: keyText === undefined ? undefined : parseKey(keyText) };
}

/** What could not be a key is not named: damage made it. */
function parseKey(text: string): string | undefined {
  try {
    const key: unknown = JSON.parse(text);
    return typeof key === 'string' && !key.includes(NOT_UTF8) && findKeyFault(key) === undefined ? key : undefined;
  } catch {
    return undefined;
  }
}

/**
 * Reads the oldest header of a log that is legible. Later ones are not looked at: a newer version that goes on with a log begins a segment.
 *
 * @param dataFolder the data folder, absolute
 * @returns the header; undefined where none is legible
 * @throws {LogVersionError} when a newer version wrote it
 */
export async function oldestHeader(disk: Disk, dataFolder: string, project: string): Promise<SegmentHeader | undefined> {
  for await (const { header } of segmentsOf(disk, new LogPaths(dataFolder, project))) if (header !== undefined) return header;
  return undefined;
}

async function* segmentsOf(disk: Disk, paths: LogPaths): AsyncGenerator<DamagedSegment> {
  for (const segment of await listSealed(disk, paths)) {
    const { firstSeq } = segment;
    const file = await findSoundFile(disk, paths, segment);
    yield { file, firstSeq, header: await headerIfLegible(disk, file) };
  }
  if ((await disk.status(paths.active)) === undefined) return;
  const header = await headerIfLegible(disk, activeFile(paths));
  yield { file: activeFile(paths), firstSeq: header?.firstSeq, header };
}

async function headerIfLegible(disk: Disk, file: SegmentFile): Promise<SegmentHeader | undefined> {
  try {
    return await withText(disk, file, async (text) => (await readHeader(text, file.shownName)).header);
  } catch (error) {
    // A newer version wrote it: that is no damage, and this version must not touch it.
    if (error instanceof LogVersionError) throw error;
    if (isIllegible(error)) return undefined;
    throw error;
  }
}
