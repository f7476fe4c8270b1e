/**
 * The lines of a log as they were written, picked by what they are about. Every line is checked on the way, also those that are
 * not wanted.
 */
import type { Disk } from '../disk/disk.js';
import { EVENT_FIELDS } from '../events/codec.js';
import { isServerOperation } from '../events/event.js';
import { LogPaths } from '../log/file/log-paths.js';
import { placeOfLine } from '../log/line-format.js';
import type { LogLine } from '../log/log.js';
import { isBehind, type Moment, momentText } from './moment.js';
import { OutOfReachError } from './out-of-reach.js';
import { openProjectLines, type ProjectLines } from './project-lines.js';
import { ProjectTexts } from './project-texts.js';
import { SERVER_LOG } from './server-registrations.js';

/** Which lines. What is not named does not matter. */
export interface EventFilter {
  /** Lines about this key. */
  readonly key?: string | undefined;
  /** Lines with this operation. */
  readonly op?: string | undefined;
  /** Lines whose actor holds this text. */
  readonly actor?: string | undefined;
}

/** What is read. */
export interface EventsOptions {
  readonly disk: Disk;
  /** The data folder, absolute. */
  readonly dataFolder: string;
  readonly project: string;
  readonly fromSeq?: number | undefined;
  readonly until: Moment | undefined;
  readonly filter: EventFilter;
  /** Where compressed segments are written out, absolute; must be there. */
  readonly scratchFolder: string;
  readonly signal?: AbortSignal | undefined;
}

/** Lines whose first field is a key: the text that their fields then begin with. */
const KEY_MARK = '"key":';
const LINE_FEED = Buffer.from('\n');

/**
 * Says which operations the lines of a log can have.
 *
 * @param project the project's id, or `_server`
 */
export function operationsOf(project: string): readonly string[] {
  return Object.keys(EVENT_FIELDS).filter((op) => isServerOperation(op) === (project === SERVER_LOG));
}

/**
 * Reads lines.
 *
 * @returns lines as they are in the file, each with its line feed
 * @throws {OutOfReachError} when the log does not hold the lines that were asked for
 * @throws {LogCorruptError} when a line on the way is damaged
 */
export async function* replayEvents(options: EventsOptions): AsyncGenerator<Buffer> {
  const { disk, dataFolder, project, until, filter, scratchFolder, signal } = options;
  const log = await openProjectLines(disk, { dataFolder, project });
  await refuseOutOfReach(log, options);
  const texts = new ProjectTexts(disk, new LogPaths(dataFolder, project), { folder: scratchFolder, seq: 1 });
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

async function refuseOutOfReach(log: ProjectLines, { fromSeq, until }: Pick<EventsOptions, 'fromSeq' | 'until'>): Promise<void> {
  const wanted = [fromSeq, until !== undefined && 'seq' in until ? until.seq : undefined].filter((seq) => seq !== undefined);
  if (wanted.length === 0) return;
  for (const seq of wanted) if (seq < log.firstSeq) refuseBefore(log, `seq ${seq}`);
  const lastSeq = await log.files.lastSeq();
  const beyond = wanted.find((seq) => seq > lastSeq);
  if (beyond === undefined) return;
  throw new OutOfReachError(`show lines of "${log.files.project}" at seq ${beyond}`, 'after', `its log ends with seq ${lastSeq}`);
}

/** A log that begins with seq 1 has nothing before it; of any other one the first lines are elsewhere, or gone. */
function refuseBefore({ files, firstSeq }: ProjectLines, wanted: string): void {
  if (firstSeq === 1) return;
  throw new OutOfReachError(`show lines of "${files.project}" at ${wanted}`, 'before', `its log begins with seq ${firstSeq}`);
}

function isWanted({ op, actor, body }: LogLine, filter: EventFilter): boolean {
  if (filter.op !== undefined && op !== filter.op) return false;
  if (filter.actor !== undefined && !actor.includes(filter.actor)) return false;
  if (filter.key === undefined) return true;
  const text = `${KEY_MARK}${JSON.stringify(filter.key)}`;
  return body === text || body.startsWith(`${text},`);
}

async function rawLine(line: LogLine, texts: ProjectTexts): Promise<Buffer> {
  const bytes = await texts.read(placeOfLine(line));
  // The last line may lack its line feed while it is being written.
  return bytes.at(-1) === LINE_FEED[0] ? bytes : Buffer.concat([bytes, LINE_FEED]);
}
