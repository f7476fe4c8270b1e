/**
 * `log`, `history` and `watch` as questions to a server. For a person at a terminal events are text, for anything else the lines of the
 * log, byte for byte.
 */
import type { ChangeEvent, EventOp } from '../../client/change-events.js';
import type { EventsOptions } from '../../client/event-list.js';
import type { LiveEvent, WatchConnection, WatchEvent, WatchOptions } from '../../client/watch.js';
import { complain } from '../command-output.js';
import { eventText } from '../event-text.js';
import { checkOperation, type EventRange, parsePoint, positionOf } from '../event-range.js';
import { UsageError } from '../exit-codes.js';
import { parseSeq } from '../parse-moment.js';
import { Remote, type RemoteProject, type RemoteOptions } from '../remote.js';
import type { RunContext } from '../run-command.js';
import { parseCount } from './duration.js';
import { type FormOptions, formOf, printTexts, refuseDocument } from './output-form.js';
import { shownEvent, type ShownKeys } from './shown-event.js';

/** Which events of a log. */
interface RemoteLogQuery extends EventRange, ShownKeys {
  /** One that {@link checkOperation} accepts. */
  readonly op?: string | undefined;
  readonly actor?: string | undefined;
  readonly request?: string | undefined;
  /** Only the newest. */
  readonly limit: number | undefined;
  readonly isFollowed: boolean;
}

/** Options of `watch`. */
export interface WatchCommandOptions extends RemoteOptions, FormOptions {
  readonly key?: string;
  readonly prefix?: string;
  readonly op?: readonly string[];
  readonly since?: string;
}

/** Options of `history`. */
export interface HistoryCommandOptions extends RemoteOptions, FormOptions {
  readonly limit?: string;
}

/** Who prints events, and in which form. */
interface Printing extends ShownKeys, FormOptions {
  readonly context: RunContext;
}

/** The words that name a position beside a seq and a time. */
const NOW = 'now';

/** Prints one event. */
async function printEvent(event: ChangeEvent, { context, ...printing }: Printing): Promise<void> {
  const isText = formOf(printing) === 'text' && process.stdout.isTTY;
  await context.output.print(isText ? eventText(shownEvent(event, printing), process.stdout.hasColors()) : `${event.line}\n`);
}

/** Prints events that have an end. */
async function printEvents(events: AsyncIterable<ChangeEvent>, printing: Printing): Promise<void> {
  const { output } = printing.context;
  if (formOf(printing) === 'json') return await printTexts(output, 'json', linesOf(events));
  for await (const event of events) {
    await printEvent(event, printing);
    if (output.isClosed) return;
  }
}

async function* linesOf(events: AsyncIterable<ChangeEvent>): AsyncGenerator<readonly [string]> {
  for await (const { line } of events) yield [line];
}

/**
 * Prints the events of a log.
 *
 * @returns true
 * @throws {RemoteError} when the server refuses
 */
export async function showRemoteLog(
  remote: Remote, place: RemoteProject, query: RemoteLogQuery, printing: Printing,
): Promise<boolean> {
  const { key, prefix, actor, limit, isFollowed } = query;
  const op = query.op as EventOp | undefined;
  const { context: { signal, output } } = printing;
  const shown = { ...printing, key, prefix };
  await remote.asking(signal, async () => {
    // Whatever comes after this is new; so nothing is printed twice.
    const last = isFollowed ? (await place.kv.details({ signal })).seq : undefined;
    const until = last ?? (query.until && positionOf(query.until));
    const since = sinceOf(query);
    const isReached = last === undefined || typeof since !== 'number' || since <= last;
    const options: EventsOptions = { since, until, key, prefix, op, actor, signal };
    const found = place.kv.events<string>(limit === undefined ? options : { ...options, reverse: true, ...limitOf(query) });
    const wanted = selected(found, query);
    if (isReached) await printEvents(limit === undefined ? wanted : newest(wanted, limit), shown);
    if (last === undefined || output.isClosed) return;
    const from = Math.max(last, typeof since === 'number' ? since : 0);
    await printFollowed(place, { since: from, signal, ...definedOf({ key, prefix, actor }), ...(op !== undefined && { ops: [op] }) }, {
      ...shown, isWanted: (event) => isSelected(event, query),
    });
  });
  return true;
}

/** A filter that only this side knows needs more events than it yields. */
function limitOf({ request, limit }: RemoteLogQuery): { readonly limit?: number } {
  return request === undefined && limit !== undefined ? { limit } : {};
}

function sinceOf({ fromSeq, fromMs }: EventRange): number | Date | undefined {
  if (fromSeq !== undefined) return fromSeq - 1;
  // The server begins after a time; the line of that time belongs to the range.
  return fromMs === undefined ? undefined : new Date(fromMs - 1);
}

function isSelected({ request }: ChangeEvent, query: RemoteLogQuery): boolean {
  return query.request === undefined || query.request === request;
}

async function* selected(events: AsyncIterable<ChangeEvent>, query: RemoteLogQuery): AsyncGenerator<ChangeEvent> {
  for await (const event of events) if (isSelected(event, query)) yield event;
}

/** Takes so many of the newest, and turns them round. */
async function* newest(events: AsyncIterable<ChangeEvent>, limit: number): AsyncGenerator<ChangeEvent> {
  const taken: ChangeEvent[] = [];
  for await (const event of events) {
    taken.push(event);
    if (taken.length >= limit) break;
  }
  yield* taken.reverse();
}

/** Prints events as they come, until the reader is gone or the command is interrupted. */
async function printFollowed(
  { kv }: RemoteProject, options: WatchOptions, printing: Printing & { readonly isWanted?: (event: ChangeEvent) => boolean },
): Promise<void> {
  const { context: { output }, isWanted = () => true } = printing;
  for await (const event of kv.watch<string>({ ...options, onConnection: connectionNotes() })) {
    if (isLive(event)) continue;
    if ('lastSeq' in event) {
      complain(`events are missing: the log was restored or replaced, or no longer has them; going on after seq ${event.lastSeq}`);
      continue;
    }
    if (!isWanted(event)) continue;
    await printEvent(event, printing);
    if (output.isClosed) return;
  }
}

function isLive(event: WatchEvent): event is LiveEvent {
  return event.op === 'live';
}

/**
 * Says why nothing comes, once however often the stream is tried again, and when it is back. A server that has never answered is probably
 * another one than was meant: the command ends.
 */
function connectionNotes(): (connection: WatchConnection) => void {
  let last: WatchConnection['state'] | undefined;
  return (connection) => {
    if (connection.state === 'waiting' && last === undefined) throw connection.reason;
    if (connection.state === last) return;
    if (connection.state === 'waiting') complain(`the stream was interrupted and is tried again: ${connection.reason.message}`);
    else if (last !== undefined) complain('the stream is back, and goes on where it stopped');
    last = connection.state;
  };
}

/**
 * Prints changes as they are made.
 *
 * @returns true, once the reader of the output is gone
 * @throws {RemoteError} when the server refuses
 */
export async function watch(options: WatchCommandOptions, context: RunContext): Promise<boolean> {
  const { key, prefix, op, since = NOW } = options;
  if (key !== undefined && prefix !== undefined) throw new UsageError('Use either --key or --prefix');
  refuseDocument(options, 'watch');
  for (const name of op ?? []) checkOperation(options.project, name);
  const ops = op as readonly EventOp[] | undefined;
  const from = since === NOW ? NOW : since === '0' ? 0 : positionOf(parsePoint(since, 'omit --since to watch what comes'));
  const remote = await Remote.need('watch', options);
  const place = await remote.project(options.project, context.signal);
  await remote.asking(context.signal, () => printFollowed(place, {
    signal: context.signal, ...definedOf({ since: from, key, prefix, ops }),
  }, { ...options, context }));
  return true;
}

/**
 * Prints the changes of a key, newest first.
 *
 * @returns false if there are none
 * @throws {RemoteError} when the server refuses
 */
export async function showHistory(key: string, options: HistoryCommandOptions, context: RunContext): Promise<boolean> {
  const limit = options.limit === undefined ? undefined : parseSeq(options.limit) ?? parseCount(options.limit, '--limit', 1);
  const { signal } = context;
  const remote = await Remote.need('show a history', options);
  const place = await remote.project(options.project, signal);
  let count = 0;
  const counted = async function* (): AsyncGenerator<ChangeEvent> {
    for await (const event of place.kv.history<string>(key, { signal, ...definedOf({ limit }) })) {
      count += 1;
      yield event;
    }
  };
  await remote.asking(signal, () => printEvents(counted(), { ...options, key, context }));
  if (count === 0) complain(`no event of "${place.id}" that is kept changed ${JSON.stringify(key)}`);
  return count > 0;
}

/** The members that are defined, for options whose members may be left out but not undefined. */
function definedOf<T extends object>(members: T): { [Name in keyof T]?: Exclude<T[Name], undefined> } {
  return Object.fromEntries(Object.entries(members).filter(([, value]) => value !== undefined)) as {
    [Name in keyof T]?: Exclude<T[Name], undefined>;
  };
}
