/**
 * Finds a line by its receipt, in the logs of a data folder and in the older ones that it keeps. Searches the bytes of each segment first;
 * where they have the receipt at the end of a line, the lines around it are read and checked: a line outside the chain is not believed.
 */
import { join, relative } from 'node:path';
import type { Disk, ReadableFile } from '../../disk/disk.js';
import { type ListedSegment, LogPaths } from '../../log/file/log-paths.js';
import { textPieces } from '../../log/file/segment/read-text.js';
import { listSegments, openSegment } from '../../log/file/segment/segment-files.js';
import { HASH_MARK, LINE_END, placeOfLine } from '../../log/line-format.js';
import { findingIn, LinesDroppedError } from '../../log/log-errors.js';
import type { LogLine } from '../../log/log.js';
import { openProjectLog, type ProjectLog } from '../project-files.js';
import { findOlderFolders } from '../replay/older-logs.js';

/** Where to search. */
interface ReceiptSearch {
  readonly disk: Disk;
  /** Absolute. */
  readonly dataFolder: string;
  /** The projects with a log now; `_server` for the registry. */
  readonly projects: readonly string[];
  /** Selects the projects whose older logs are searched; undefined: all. */
  readonly olderOf: string | undefined;
  readonly signal?: AbortSignal | undefined;
  /** Receives how many segments of a log are done, and their number. */
  onProgress?(project: string, done: number, total: number): void;
}

/** A line that was found. */
export interface ReceiptLine {
  readonly project: string;
  readonly logId: string;
  readonly seq: number;
  /** In milliseconds since 1970. */
  readonly timeMs: number;
  readonly op: string;
  readonly actor: string;
  readonly request: string;
  /** Relative to the data folder. */
  readonly file: string;
  /** In bytes from the start of its text. */
  readonly offset: number;
  /** With its line feed. */
  readonly sizeBytes: number;
}

/** The result of a search. */
interface ReceiptResult {
  readonly line: ReceiptLine | undefined;
  /** Why a part could not be searched, or a line with the receipt was not believed. */
  readonly faults: readonly string[];
}

/** A log to search. */
interface SearchedLog {
  /** The data folder, or a folder that can be read like one; absolute. */
  readonly folder: string;
  readonly project: string;
}

/** A segment in whose bytes a line ends with the receipt. */
interface ReceiptHit {
  readonly log: ProjectLog;
  readonly segments: readonly ListedSegment[];
  readonly segment: ListedSegment;
  /** Relative to the folder of the log. */
  readonly file: string;
}

/** How often to look a segment up again that was sealed, compressed or removed between listing and opening it. */
const OPEN_ATTEMPTS = 4;

/**
 * Finds the line with a receipt. Damage does not reject: it is among the faults, and the search goes on elsewhere.
 *
 * @param hash 64 lower-case hexadecimal digits
 */
export async function findReceipt(hash: string, search: ReceiptSearch): Promise<ReceiptResult> {
  const { disk, dataFolder, projects, olderOf } = search;
  const older = await findOlderFolders(disk, dataFolder);
  const logs: readonly SearchedLog[] = [
    ...projects.map((project) => ({ folder: dataFolder, project })),
    ...older.filter(({ project }) => [undefined, project].includes(olderOf)),
  ];
  const faults: string[] = [];
  for (const log of logs) {
    const line = await new LogSearch(hash, search, log, faults).run();
    if (line !== undefined) return { line, faults };
  }
  return { line: undefined, faults };
}

/** The search of one log. */
class LogSearch {
  readonly #hash: string;
  readonly #search: ReceiptSearch;
  readonly #log: SearchedLog;
  readonly #paths: LogPaths;
  readonly #faults: string[];

  /** @param faults receives what is wrong */
  constructor(hash: string, search: ReceiptSearch, log: SearchedLog, faults: string[]) {
    this.#hash = hash;
    this.#search = search;
    this.#log = log;
    this.#paths = new LogPaths(log.folder, log.project);
    this.#faults = faults;
  }

  async run(): Promise<ReceiptLine | undefined> {
    const { disk, onProgress } = this.#search;
    const { folder, project } = this.#log;
    const opened = await this.#unlessDamaged(async () => {
      const log = await openProjectLog(disk, { dataFolder: folder, project });
      return { log, segments: await listSegments(disk, this.#paths) };
    });
    if (opened === undefined) return undefined;
    const { log, segments } = opened;
    // The newest first: receipts are checked most often soon after they were given.
    for (const [index, segment] of segments.toReversed().entries()) {
      onProgress?.(project, index, segments.length);
      const file = await this.#fileWithReceipt(segment);
      const line = file === undefined ? undefined : await this.#unlessDamaged(() => this.#provenLine({ log, segments, segment, file }));
      if (line !== undefined) return line;
    }
    return undefined;
  }

  /** The file of a segment in which the receipt ends a line. Of two forms of a segment either may be the sound one. */
  async #fileWithReceipt({ isDoubled, ...segment }: ListedSegment): Promise<string | undefined> {
    const forms = isDoubled ? [false, true].map((isCompressed) => ({ ...segment, isCompressed })) : [segment];
    for (const form of forms) {
      const file = await this.#unlessDamaged(() => this.#searchSegment(form));
      if (file !== undefined) return file;
    }
    return undefined;
  }

  async #searchSegment(segment: ListedSegment): Promise<string | undefined> {
    const { disk, signal } = this.#search;
    let listed: ListedSegment | undefined = segment;
    for (let attempt = 0; attempt < OPEN_ATTEMPTS && listed !== undefined; attempt += 1) {
      const opened = await openSegment(disk, this.#paths, listed);
      if (opened !== undefined) {
        try {
          return (await hasLineEnd(opened.text, `${HASH_MARK}${this.#hash}${LINE_END}`, signal)) ? opened.file.shownName : undefined;
        } finally {
          await opened.text.close();
        }
      }
      listed = (await listSegments(disk, this.#paths)).find(({ firstSeq }) => firstSeq === segment.firstSeq);
    }
    return undefined;
  }

  /** Reads the segment with the one before it and the header of the one after it, so that the chain proves its place in the log. */
  async #provenLine({ log: { files }, segments, segment: { firstSeq }, file }: ReceiptHit): Promise<ReceiptLine | undefined> {
    const { signal } = this.#search;
    const before = segments.findLast((segment) => segment.firstSeq < firstSeq)?.firstSeq ?? firstSeq;
    for (const fromSeq of [before, firstSeq]) {
      try {
        let found: ReceiptLine | undefined;
        for await (const group of files.lines({ fromSeq, ...(signal && { signal }) })) {
          const line = group.find(({ hash }) => hash === this.#hash);
          if (line !== undefined) found = this.#describe(line, files.logId, file);
          if ((group.at(-1)?.place?.segment ?? 0) > firstSeq) break;
        }
        return found;
      } catch (error) {
        // Retention may remove the segment before it meanwhile.
        if (!(error instanceof LinesDroppedError)) throw error;
      }
    }
    return undefined;
  }

  #describe(line: LogLine, logId: string, shownName: string): ReceiptLine {
    const { seq, timeMs, op, actor, request } = line;
    const { offset, sizeBytes } = placeOfLine(line);
    const file = relative(this.#search.dataFolder, join(this.#log.folder, shownName));
    return { project: this.#log.project, logId, seq, timeMs, op, actor, request, file, offset, sizeBytes };
  }

  async #unlessDamaged<T>(read: () => Promise<T>): Promise<T | undefined> {
    try {
      return await read();
    } catch (error) {
      if (!(error instanceof Error) || findingIn(error, this.#paths.activeName) === undefined) throw error;
      const folder = relative(this.#search.dataFolder, this.#log.folder);
      this.#faults.push(folder === '' ? error.message : `In "${folder}": ${error.message}`);
      return undefined;
    }
  }
}

/** Tells whether a line of a text ends with `end`. A value may contain the same bytes elsewhere. */
async function hasLineEnd(text: Pick<ReadableFile, 'read' | 'status'>, end: string, signal?: AbortSignal): Promise<boolean> {
  const sought = Buffer.from(`${end}\n`);
  let before: Buffer = Buffer.alloc(0);
  for await (const piece of textPieces(text, signal)) {
    const seam = Buffer.concat([before, piece.subarray(0, sought.length)]);
    if (seam.includes(sought) || piece.includes(sought)) return true;
    before = Buffer.concat([before, piece.subarray(-sought.length)]).subarray(-sought.length);
  }
  // The last line may lack its line feed.
  return before.subarray(-end.length).equals(sought.subarray(0, -1));
}
