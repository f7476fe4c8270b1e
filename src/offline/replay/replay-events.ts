/**
 * Prints the lines of a log as they were written, filtered. Every line is checked, whether it matches or not.
 */
import type { Disk } from '../../disk/disk.js';
import { EVENT_FIELDS } from '../../events/codec.js';
import { isServerOperation, keyChangesOf } from '../../events/event.js';
import { LogPaths } from '../../log/file/log-paths.js';
import { placeOfLine } from '../../log/line-format.js';
import type { LogLine } from '../../log/log.js';
import { openProjectLog, projectEventOf, type ProjectLog } from '../project-files.js';
import { REGISTRY } from '../registry.js';
import { SegmentTexts } from '../segment-texts.js';
import { isBehind, type Moment, momentText, OutOfReachError } from './moment.js';

/** Which lines match. An absent member matches every line. */
interface EventFilter {
  /** Lines that change this key. */
  readonly key?: string | undefined;
  /** Lines with this operation, or a batch that has it. */
  readonly op?: string | undefined;
  /** Lines whose actor contains this text. */
  readonly actor?: string | undefined;
}

/** What to read. */
interface EventsOptions {
  readonly disk: Disk;
  /** The data folder, absolute. */
  readonly dataFolder: string;
  readonly project: string;
  readonly fromSeq?: number | undefined;
  readonly until: Moment | undefined;
  readonly filter: EventFilter;
  /** The folder to write out compressed segments to, absolute; must exist. */
  readonly scratchFolder: string;
  readonly signal?: AbortSignal | undefined;
}

const LINE_FEED = Buffer.from('\n');
/** Operations that change single keys. */
const KEY_OPERATIONS: ReadonlySet<string> = new Set(['set', 'delete', 'batch']);

/**
 * Lists the operations that the lines of a log can have.
 *
 * @param project the project's id, or `_server`
 */
export function operationsOf(project: string): readonly string[] {
  return Object.keys(EVENT_FIELDS).filter((op) => isServerOperation(op) === (project === REGISTRY));
}

/**
 * Reads the matching lines.
 *
 * @returns lines as they are in the file, each with its line feed
 * @throws {OutOfReachError} when the log does not reach the requested range
 * @throws {LogCorruptError} when a line is damaged
 */
export async function* replayEvents(options: EventsOptions): AsyncGenerator<Buffer> {
  const { disk, dataFolder, project, until, filter, scratchFolder, signal } = options;
  const log = await openProjectLog(disk, { dataFolder, project });
  await refuseOutOfReach(log, options);
  const texts = new SegmentTexts(disk, new LogPaths(dataFolder, project), scratchFolder);
  const fromSeq = Math.max(options.fromSeq ?? 1, log.firstSeq);
  try {
    for await (const group of log.files.lines({ fromSeq, ...(signal && { signal }) })) {
      for (const line of group) {
        const isEnd = isBehind(line, until);
        if (isEnd && line.seq === log.firstSeq) refuseBefore(log, momentText(until));
        if (isEnd) return;
        if (isWanted(line, filter)) yield await rawLine(line, texts);
      }
    }
  } finally {
    await texts.close();
  }
}

async function refuseOutOfReach(log: ProjectLog, { fromSeq, until }: Pick<EventsOptions, 'fromSeq' | 'until'>): Promise<void> {
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

function isWanted(line: LogLine, filter: EventFilter): boolean {
  const { op, actor } = line;
  if (filter.actor !== undefined && !actor.includes(filter.actor)) return false;
  if (filter.key === undefined && (filter.op === undefined || filter.op === op)) return true;
  if (!KEY_OPERATIONS.has(op)) return false;
  const changes = keyChangesOf(projectEventOf(line));
  return changes.some((change) => [undefined, op, change.op].includes(filter.op) && [undefined, change.key].includes(filter.key));
}

async function rawLine(line: LogLine, texts: SegmentTexts): Promise<Buffer> {
  const bytes = await texts.read(placeOfLine(line));
  // The last line has no line feed yet while it is being written.
  return bytes.at(-1) === LINE_FEED[0] ? bytes : Buffer.concat([bytes, LINE_FEED]);
}
