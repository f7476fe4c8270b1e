/**
 * Finds the lines of a log that match, and reads them as they were written. Every line is checked, whether it matches or not.
 */
import type { TextPlace } from '../../base/text-place.js';
import type { Disk } from '../../disk/disk.js';
import { LogPaths } from '../../log/file/log-paths.js';
import type { LogLine } from '../../log/log.js';
import { openProjectLog, type ProjectLog } from '../project-files.js';
import { SegmentTexts } from '../segment-texts.js';
import { isLineSelected, type LineFilter } from './line-filter.js';
import { FoundLine } from './found-line.js';
import { isBehind, type Moment, momentText, OutOfReachError } from './moment.js';

/** The log to read. */
export interface LogSource {
  readonly disk: Disk;
  /** The data folder, absolute. */
  readonly dataFolder: string;
  /** The project's id, or `_server`. */
  readonly project: string;
  readonly signal?: AbortSignal | undefined;
}

/** What to find. */
interface LinesOptions extends LogSource {
  readonly fromSeq?: number | undefined;
  /** From the first line of this time or later, in milliseconds since 1970. */
  readonly fromMs?: number | undefined;
  readonly until: Moment | undefined;
  readonly filter: LineFilter;
}

const LINE_FEED = Buffer.from('\n');

/**
 * Finds the matching lines.
 *
 * @throws {OutOfReachError} when the log does not reach the requested range
 * @throws {LogCorruptError} when a line is damaged
 */
export async function* findLines(options: LinesOptions): AsyncGenerator<FoundLine> {
  const { disk, dataFolder, project, until, filter, signal } = options;
  const log = await openProjectLog(disk, { dataFolder, project });
  await refuseOutOfReach(log, options);
  const fromSeq = Math.max(options.fromSeq ?? 1, log.firstSeq);
  for await (const group of fromTime(log.files.lines({ fromSeq, ...(signal && { signal }) }), options.fromMs)) {
    const end = group.findIndex((line) => isBehind(line, until));
    if (end >= 0 && group[end]?.seq === log.firstSeq) refuseBefore(log, momentText(until));
    yield* selectIn(end < 0 ? group : group.slice(0, end), filter);
    if (end >= 0) return;
  }
}

/** Leaves out the lines before the first one of this time or later; whatever follows it counts, even if the clock jumped. */
async function* fromTime(groups: AsyncIterable<readonly LogLine[]>, fromMs = 0): AsyncGenerator<readonly LogLine[]> {
  let isReached = false;
  for await (const group of groups) {
    const start = isReached ? 0 : group.findIndex(({ timeMs }) => timeMs >= fromMs);
    if (start < 0) continue;
    isReached = true;
    yield start === 0 ? group : group.slice(start);
  }
}

/** Picks the matching lines out of a group. */
export function* selectIn(group: readonly LogLine[], filter: LineFilter): Generator<FoundLine> {
  for (const line of group) if (isLineSelected(line, filter)) yield new FoundLine(line, filter);
}

/**
 * Reads lines as they are in their files, each with its line feed.
 *
 * @param scratchFolder the folder to write out compressed segments to, absolute; must exist
 */
export async function* lineTexts(
  { disk, dataFolder, project }: LogSource, scratchFolder: string, places: AsyncIterable<TextPlace> | Iterable<TextPlace>,
): AsyncGenerator<Buffer> {
  const texts = new SegmentTexts(disk, new LogPaths(dataFolder, project), scratchFolder);
  try {
    for await (const place of places) {
      const bytes = await texts.read(place);
      // The last line has no line feed yet while it is being written.
      yield bytes.at(-1) === LINE_FEED[0] ? bytes : Buffer.concat([bytes, LINE_FEED]);
    }
  } finally {
    await texts.close();
  }
}

/**
 * Reads the matching lines as they are in their files; see {@link findLines}.
 *
 * @param options with the folder to write out compressed segments to, absolute; must exist
 */
export async function* replayEvents(options: LinesOptions & { readonly scratchFolder: string }): AsyncGenerator<Buffer> {
  const places = async function* (): AsyncGenerator<TextPlace> {
    for await (const line of findLines(options)) yield line.place;
  };
  yield* lineTexts(options, options.scratchFolder, places());
}

async function refuseOutOfReach(log: ProjectLog, { fromSeq, until }: Pick<LinesOptions, 'fromSeq' | 'until'>): Promise<void> {
  const wanted = [fromSeq, until !== undefined && 'seq' in until ? until.seq : undefined].filter((seq) => seq !== undefined);
  if (wanted.length === 0) return;
  for (const seq of wanted) if (seq < log.firstSeq) refuseBefore(log, `seq ${seq}`);
  const lastSeq = await log.files.lastSeq();
  const beyond = wanted.find((seq) => seq > lastSeq);
  if (beyond === undefined) return;
  throw new OutOfReachError(`show lines of "${log.files.project}" at seq ${beyond}`, 'after', `its log ends with seq ${lastSeq}`);
}

/** Nothing precedes seq 1; the lines before any other first seq are elsewhere, or gone. */
function refuseBefore({ files, firstSeq }: ProjectLog, wanted: string): void {
  if (firstSeq === 1) return;
  throw new OutOfReachError(`show lines of "${files.project}" at ${wanted}`, 'before', `its log begins with seq ${firstSeq}`);
}
