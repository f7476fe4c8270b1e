/**
 * The lines of a log as they were written, picked by what they are about. Every line is checked on the way, also those that are
 * not wanted.
 */
import type { Disk } from '../disk/disk.js';
import { LogPaths } from '../log/file/log-paths.js';
import { placeOfLine } from '../log/line-format.js';
import type { LogLine } from '../log/log.js';
import { isBehind, type Moment } from './moment.js';
import { openProjectLines } from './project-lines.js';
import { ProjectTexts } from './project-texts.js';

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
 * Reads lines.
 *
 * @param options which
 * @returns lines as they are in the file, each with its line feed
 * @throws {LogCorruptError} when a line on the way is damaged
 */
export async function* replayEvents(options: EventsOptions): AsyncGenerator<Buffer> {
  const { disk, dataFolder, project, until, filter, scratchFolder, signal } = options;
  const { files, firstSeq } = await openProjectLines(disk, { dataFolder, project });
  const texts = new ProjectTexts(disk, new LogPaths(dataFolder, project), { folder: scratchFolder, seq: 1 });
  const fromSeq = Math.max(options.fromSeq ?? 1, firstSeq);
  try {
    for await (const group of files.lines({ fromSeq, ...(signal && { signal }) })) {
      for (const line of group) {
        if (isBehind(line, until)) return;
        if (isWanted(line, filter)) yield await rawLine(line, texts);
      }
    }
  } finally {
    await texts.close();
  }
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
