/**
 * Reads a damaged log record by record: which lines continue a trusted hash, and what the others seem to be about. Headers and seals prove
 * nothing here, only the hash chain does. The log must have no writer.
 */
import type { Disk } from '../../disk/disk.js';
import { decodeLineEvent, UnknownEventError } from '../../events/codec.js';
import { keyChangesOf } from '../../events/event.js';
import { findKeyFault } from '../../events/key-name.js';
import { LogPaths } from '../../log/file/log-paths.js';
import { LogErasures } from '../../log/file/reading/log-erasures.js';
import { readRecords } from '../../log/file/segment/read-text.js';
import { activeFile, headerOf, listSealed, openText, type SegmentFile } from '../../log/file/segment/segment-files.js';
import { findSoundFile } from '../../log/file/segment/verify-segment.js';
import { claimedHash, claimedOp, claimedSeq, decodeEventLine, type DueLine } from '../../log/line-format.js';
import { looksLikeHeader, looksLikeSeal, type SegmentHeader } from '../../log/segment-format.js';
import { isIllegible, LogVersionError } from '../../log/log-errors.js';
import type { LogLine, LogPosition } from '../../log/log.js';

/** One file of the log, oldest first. */
interface DamagedSegment {
  readonly file: SegmentFile;
  /** From its name, or for the active segment from its header; undefined if that cannot be read. */
  readonly firstSeq: number | undefined;
  readonly header: SegmentHeader | undefined;
}

/** A record that is not kept. */
interface StrayRecord {
  readonly sizeBytes: number;
  /** Whether its hash is right for the hash at the end of the record before it: its text is as written, if that one's is. */
  readonly isWhole: boolean;
  /** Its own claims, if legible; none is proved. The seq of a damaged record is corrected by its position. */
  readonly seq: number | undefined;
  readonly op: string | undefined;
  /** Those that it changes, so far as they are legible: of a damaged batch the first one at most, of damaged expiries none. */
  readonly keys: readonly string[];
}

/** The last kept line. */
export interface KeptEnd extends LogPosition {
  /** Undefined if the line is in no file any more, since a snapshot covers it. */
  readonly place?: LogLine['place'];
}

const KEY_CLAIM = /"key":("(?:[^"\\]|\\.)*")/;
/** After this, text of a client may look like anything. */
const VALUE_MARK = ',"value":';
/** What decoding puts in place of bytes that are not UTF-8. */
const NOT_UTF8 = '\ufffd';
/** Bytes of a record that are searched for its claims: a longest key, escaped, and the fields before it. */
const CLAIM_BYTES_MAX = 16_384;

/** A log whose files may be damaged anywhere. */
export class DamagedLog {
  readonly segments: readonly DamagedSegment[];
  readonly #disk: Disk;
  readonly #erasures: LogErasures;
  #hasUnread = false;

  private constructor(disk: Disk, segments: readonly DamagedSegment[], erasures: LogErasures) {
    this.#disk = disk;
    this.#erasures = erasures;
    this.segments = segments;
  }

  /**
   * Finds the files of a log.
   *
   * @param dataFolder the data folder, absolute
   * @returns the log, which may have no segment
   */
  static async open(disk: Disk, dataFolder: string, project: string): Promise<DamagedLog> {
    const segments: DamagedSegment[] = [];
    for await (const segment of segmentsOf(disk, new LogPaths(dataFolder, project))) segments.push(segment);
    return new DamagedLog(disk, segments, new LogErasures(disk, new LogPaths(dataFolder, project)));
  }

  /** Whether a file, or the rest of one, could not be read so far. */
  get hasUnread(): boolean {
    return this.#hasUnread;
  }

  /**
   * Finds the lines that continue a position, up to the first that does not.
   *
   * @returns valid lines in groups; their places are for {@link texts}
   */
  async *linesAfter(from: LogPosition): AsyncGenerator<readonly LogLine[]> {
    const chain = { seq: from.seq + 1, previousHash: from.hash, durable: 0, isFound: false, isOver: false };
    const first = this.segments.findLastIndex(({ firstSeq }) => firstSeq !== undefined && firstSeq <= chain.seq);
    for (let index = Math.max(first, 0); index < this.segments.length && !chain.isOver; index += 1) {
      for await (const records of this.#records(index)) {
        const lines: LogLine[] = [];
        for (const { bytes, offset } of records) {
          if (looksLikeSeal(bytes) || looksLikeHeader(bytes)) continue;
          const decoded = await this.#decode(bytes, { ...chain, segment: index, offset });
          if (!decoded.ok) {
            if (!chain.isFound) continue;
            chain.isOver = true;
            break;
          }
          const { seq, hash: previousHash, durable } = decoded.value;
          Object.assign(chain, { seq: seq + 1, previousHash, durable, isFound: true });
          lines.push(decoded.value);
        }
        if (lines.length > 0) yield lines;
        if (chain.isOver) return;
      }
    }
  }

  async #decode(bytes: Buffer, due: DueLine): Promise<ReturnType<typeof decodeEventLine>> {
    const decoded = decodeEventLine(bytes, due, this.#erasures);
    if (decoded.ok || decoded.fault.isUnrecorded !== true) return decoded;
    await this.#erasures.load();
    return decodeEventLine(bytes, due, this.#erasures);
  }

  /** Finds the records after a line. If that line is in no file any more: those that claim a later seq, or none. */
  async *strayRecords({ place, ...end }: KeptEnd): AsyncGenerator<StrayRecord> {
    let due = place === undefined ? undefined : end.seq + 1;
    let previousHash = place === undefined ? '' : end.hash;
    for (let index = place?.segment ?? 0; index < this.segments.length; index += 1) {
      if (index !== place?.segment) due = this.segments[index]?.firstSeq ?? due;
      for await (const records of this.#records(index)) {
        for (const { bytes, offset } of records) {
          if (index === place?.segment && offset <= place.offset) continue;
          if (looksLikeSeal(bytes) || looksLikeHeader(bytes)) continue;
          const record = readClaims(bytes, due, previousHash);
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
      // The unreadable rest of a file proves nothing.
      if (!isIllegible(error)) throw error;
      this.#hasUnread = true;
    }
  }
}

/**
 * Reads the claims of a record.
 *
 * @param due its seq by its position; undefined if unknown
 * @param previousHash the hash at the end of the record before it; empty if unknown
 */
function readClaims(bytes: Buffer, due: number | undefined, previousHash: string): StrayRecord {
  const [text = ''] = bytes.toString('utf8', 0, CLAIM_BYTES_MAX).split(VALUE_MARK, 1);
  const claimed = claimedSeq(bytes);
  const op = claimedOp(text);
  const keyText = KEY_CLAIM.exec(text)?.[1];
  const place = { seq: claimed ?? 1, previousHash, durable: 0, segment: 0, offset: 0 };
  const decoded = claimed !== undefined && previousHash !== '' ? decodeEventLine(bytes, place) : undefined;
  const isWhole = decoded?.ok === true;
  // A damaged number must not move a record elsewhere.
  const seq = claimed === undefined || isWhole ? claimed : due ?? claimed;
  const claimedKeys = [parseKey(keyText)].filter((key) => key !== undefined);
  const keys = decoded?.ok === true && (op === 'batch' || op === 'expire') ? keysOf(decoded.value) : claimedKeys;
  return { sizeBytes: bytes.length + 1, isWhole, seq, op, keys };
}

/** The keys of a sound line; none if only a newer version can read it. */
function keysOf(line: LogLine): readonly string[] {
  try {
    return keyChangesOf(decodeLineEvent(line)).map(({ key }) => key);
  } catch (error) {
    if (error instanceof UnknownEventError) return [];
    throw error;
  }
}

/** Returns undefined for a text that cannot be a key: damage made it. */
function parseKey(text: string | undefined): string | undefined {
  if (text === undefined) return undefined;
  try {
    const key: unknown = JSON.parse(text);
    return typeof key === 'string' && !key.includes(NOT_UTF8) && findKeyFault(key) === undefined ? key : undefined;
  } catch {
    return undefined;
  }
}

/**
 * Reads the oldest legible header of a log.
 *
 * @param dataFolder the data folder, absolute
 * @returns the header; undefined if none is legible
 * @throws {LogVersionError} when a newer version wrote it; later headers are not checked, though a newer version may have written those
 */
export async function oldestHeader(disk: Disk, dataFolder: string, project: string): Promise<SegmentHeader | undefined> {
  for await (const { header } of segmentsOf(disk, new LogPaths(dataFolder, project))) if (header !== undefined) return header;
  return undefined;
}

async function* segmentsOf(disk: Disk, paths: LogPaths): AsyncGenerator<DamagedSegment> {
  const erasures = new LogErasures(disk, paths);
  for (const segment of await listSealed(disk, paths)) {
    const { firstSeq } = segment;
    const file = await findSoundFile(disk, paths, segment, erasures);
    yield { file, firstSeq, header: await headerIfLegible(disk, file) };
  }
  if ((await disk.status(paths.active)) === undefined) return;
  const header = await headerIfLegible(disk, activeFile(paths));
  yield { file: activeFile(paths), firstSeq: header?.firstSeq, header };
}

async function headerIfLegible(disk: Disk, file: SegmentFile): Promise<SegmentHeader | undefined> {
  try {
    return await headerOf(disk, file);
  } catch (error) {
    // The format of a newer version is no damage, and this version must not touch it.
    if (error instanceof LogVersionError) throw error;
    if (isIllegible(error)) return undefined;
    throw error;
  }
}
