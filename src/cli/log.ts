/**
 * The command `log`: prints the lines of a log, from a server or from its files, for a person at a terminal and byte for byte for anything
 * else. Changes nothing.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import type { TextPlace } from '../base/text-place.js';
import { REGISTRY } from '../offline/registry.js';
import type { LineFilter } from '../offline/replay/line-filter.js';
import { followLog, type LogExtent, readExtent } from '../offline/replay/follow-log.js';
import type { FoundLine } from '../offline/replay/found-line.js';
import { findLines, lineTexts, type LogSource } from '../offline/replay/replay-events.js';
import { projectOfFiles, splitWords } from './command-words.js';
import { eventText } from './event-text.js';
import { checkOperation, type EventRange, parseRange } from './event-range.js';
import { UsageError } from './exit-codes.js';
import { findData } from './find-data.js';
import { type HistoryQuery, noteBeginning, optionWords, withOlderHistory } from './older-history.js';
import { parseSeq } from './parse-moment.js';
import { type FormOptions, formOf, refuseDocument } from './online/output-form.js';
import { showRemoteLog } from './online/read-events.js';
import { arrayOfLines, printPieces } from './print-pieces.js';
import { Remote, type RemoteOptions } from './remote.js';
import type { FolderOptions, RunContext } from './run-command.js';
import { withScratchFolder } from './scratch-folder.js';

/** Options of the command line. */
export interface LogCommandOptions extends FolderOptions, RemoteOptions, FormOptions, LineFilter {
  readonly from?: string;
  readonly until?: string;
  readonly limit?: string;
  readonly follow?: boolean;
}

/** Makes output of lines; only the newest `limit` of them, if it is given. */
type Form = (lines: AsyncIterable<FoundLine> | Iterable<FoundLine>, limit?: number) => AsyncIterable<Buffer>;

/** What to print, checked. */
interface LogRequest extends EventRange {
  readonly source: LogSource;
  readonly filter: LineFilter;
  readonly limit: number | undefined;
  readonly isFollowed: boolean;
}

/** Largest `--limit`: the lines are kept in memory until the last one is known. */
const LIMIT_MAX = 100_000;
/** How often to look for new lines, in milliseconds. */
const POLL_MS = 250;

/**
 * Prints the lines of a log.
 *
 * @param word the project's id, or of files `_server`, unless it is named otherwise
 * @returns true
 * @throws {UsageError} when the options contradict each other, or the project does not exist
 */
export async function showLog(word: string | undefined, options: LogCommandOptions, context: RunContext): Promise<boolean> {
  const { project: named } = splitWords(word === undefined ? [] : [word], [], options);
  const form = formOf(options);
  if (options.follow === true) refuseDocument(options, 'log --follow');
  const remote = await Remote.findUnlessFiles(options);
  if (remote !== undefined) return await showLogOfServer(remote, named, options, context);
  const project = projectOfFiles(named);
  const limit = checkOptions(project, options);
  const range = parseRange('read', options);
  const { output, signal } = context;
  const { dataFolder, disk } = await findData({ command: 'log', project }, options, signal);
  const { key, prefix, op, actor, request } = options;
  const source: LogSource = { disk, dataFolder, project, signal };
  const asked: LogRequest = {
    ...range, source, limit, filter: { key, prefix, op, actor, request }, isFollowed: options.follow === true,
  };
  const query = historyQuery(asked, options);
  try {
    if (range.fromSeq === undefined && limit === undefined) await noteBeginning(query);
    await withScratchFolder(async (scratchFolder) => {
      const isText = form === 'text' && process.stdout.isTTY;
      const lines = isText ? textForm(process.stdout.hasColors()) : rawForm(source, scratchFolder);
      await print(asked, form === 'json' ? (...found) => arrayOfLines(lines(...found)) : lines, output);
    });
  } catch (error) {
    throw await withOlderHistory(error, query);
  }
  return true;
}

async function showLogOfServer(
  remote: Remote, named: string | undefined, options: LogCommandOptions, context: RunContext,
): Promise<boolean> {
  if (named === REGISTRY) throw new UsageError(`Cannot read "${REGISTRY}" from a server: read it from the files, with --config or --data`);
  const limit = checkOptions(named, options);
  const { key, prefix, op, actor, request, follow = false } = options;
  const query = { ...parseRange('read', options), key, prefix, op, actor, request, limit, isFollowed: follow };
  return await showRemoteLog(remote, await remote.project(named, context.signal), query, { ...options, context });
}

/** Returns the limit. */
function checkOptions(project: string | undefined, { key, prefix, op, limit, until, follow }: LogCommandOptions): number | undefined {
  checkOperation(project, op);
  if (project === REGISTRY && (key !== undefined || prefix !== undefined)) {
    throw new UsageError(`Cannot select lines of "${REGISTRY}" by key: it has no keys`);
  }
  if (follow === true && until !== undefined) throw new UsageError('Cannot use --until with --follow, which has no end');
  const count = limit === undefined ? undefined : parseSeq(limit);
  if (limit !== undefined && (count === undefined || count > LIMIT_MAX)) {
    throw new UsageError(`Cannot print the newest "${limit}" lines: expected a number from 1 to ${LIMIT_MAX}`);
  }
  return count;
}

/** The same command, to be repeated on a folder with an older log if this log lacks the lines. That log does not grow any more. */
function historyQuery({ source, fromSeq, until }: LogRequest, options: LogCommandOptions): HistoryQuery {
  const { dataFolder, disk, project } = source;
  const names = ['until', 'from', 'key', 'prefix', 'op', 'actor', 'request', 'limit', 'json', 'jsonl'] as const;
  const words = ['log', project, ...optionWords(options, names)];
  return { disk, dataFolder, project, words, wanted: fromSeq === undefined ? until : { seq: fromSeq } };
}

async function print(request: LogRequest, form: Form, output: RunContext['output']): Promise<void> {
  const { source, filter, limit, isFollowed, fromMs } = request;
  if (!isFollowed && limit === undefined) return await printPieces(form(findLines({ ...source, ...request })), output);
  const extent = await readExtent(source);
  const { firstSeq, finalSeq, logId } = extent;
  const isReached = !isFollowed || finalSeq >= Math.max(firstSeq, request.fromSeq ?? 1);
  const until = isFollowed ? { seq: finalSeq } : request.until;
  if (isReached) {
    const fromSeq = firstOfNewest({ ...request, until }, extent);
    await printPieces(form(findLines({ ...source, fromSeq, fromMs, until, filter }), limit), output);
  }
  if (!isFollowed || output.isClosed) return;
  const fromSeq = Math.max(request.fromSeq ?? 1, finalSeq + 1);
  const wait = async (): Promise<void> => await sleep(POLL_MS, undefined, { ...(source.signal && { signal: source.signal }) });
  for await (const lines of followLog({ ...source, logId, fromSeq, filter }, wait)) {
    await printPieces(form(lines), output);
    if (output.isClosed) return;
  }
}

/** Where to begin reading: without a filter, the newest lines can be counted back from the last one. */
function firstOfNewest({ fromSeq, until, limit, filter }: LogRequest, { firstSeq, lastSeq }: LogExtent): number | undefined {
  const isFiltered = Object.values(filter).some((member) => member !== undefined);
  if (limit === undefined || isFiltered || (until !== undefined && !('seq' in until))) return fromSeq;
  const last = until?.seq ?? lastSeq;
  // A seq that the log does not reach is left for the reading to refuse.
  if (last > lastSeq || last < firstSeq || (fromSeq !== undefined && fromSeq < firstSeq)) return fromSeq;
  return Math.max(fromSeq ?? firstSeq, last - limit + 1);
}

/** Lines for a person. */
function textForm(isColored: boolean): Form {
  return async function* (lines, limit) {
    for await (const text of newest(mapped(lines, (line) => eventText(line, isColored)), limit)) yield Buffer.from(text);
  };
}

/** Lines as they are in their files. Until they are printed, only their places are kept. */
function rawForm(source: LogSource, scratchFolder: string): Form {
  return (lines, limit) => lineTexts(source, scratchFolder, newest(mapped(lines, (line): TextPlace => line.place), limit));
}

async function* mapped<From, To>(items: AsyncIterable<From> | Iterable<From>, map: (item: From) => To): AsyncGenerator<To> {
  for await (const item of items) yield map(item);
}

/** The last items, at most `limit`; all of them if it is undefined. */
async function* newest<Item>(items: AsyncIterable<Item>, limit: number | undefined): AsyncGenerator<Item> {
  if (limit === undefined) return yield* items;
  let kept: Item[] = [];
  for await (const item of items) {
    kept.push(item);
    if (kept.length >= 2 * limit) kept = kept.slice(-limit);
  }
  yield* kept.slice(-limit);
}
