/**
 * The route of the event feed: which media type a client gets, what its query may ask for there, and the head of the answer.
 */
import { STREAM_MEDIA_TYPE, LINES_MEDIA_TYPE } from '../../api/media-types.js';
import { AppError } from '../../base/app-error.js';
import type { ProjectStore } from '../../store/project-store.js';
import { chooseType } from '../accept.js';
import { resetFrame } from '../events/event-frames.js';
import { awaitPage, nextPageLink, pageText, readPage } from '../events/events-page.js';
import { type EventsQuery, parsePosition, type Position, readEventsQuery, unfitParameter } from '../events/events-query.js';
import type { OpenStream, OpenStreams } from '../events/open-streams.js';
import { type EventsRange, extentOf, findRange, historyGone, isDropped } from '../events/positions.js';
import { followLines, sendLines, sendServerEvents, type StreamParts } from '../events/send-events.js';
import { type Answer, type Exchange, storeOf } from '../exchange.js';
import type { HttpParts } from '../http-parts.js';
import { JSON_TYPE } from '../json-answer.js';
import type { LongAnswers } from '../long-answers.js';
import type { RouteHandlers } from '../route-handlers.js';

const OK = 200;
const JSON_MEDIA = 'application/json';
const MEDIA_TYPES = [JSON_MEDIA, LINES_MEDIA_TYPE, STREAM_MEDIA_TYPE] as const;

const VARY = ['Vary', 'Accept'] as const;
const PAGE_HEADERS = ['Content-Type', JSON_TYPE, 'Cache-Control', 'no-store', ...VARY] as const;
const LINES_HEADERS = [
  'Content-Type', `${LINES_MEDIA_TYPE}; charset=utf-8`, 'Cache-Control', 'no-store', 'X-Accel-Buffering', 'no', ...VARY,
] as const;
const STREAM_HEADERS = [
  'Content-Type', `${STREAM_MEDIA_TYPE}; charset=utf-8`, 'Cache-Control', 'no-store, no-transform', 'X-Accel-Buffering', 'no', ...VARY,
] as const;
const LAST_EVENT_ID = 'Last-Event-ID';

type EventsParts = Pick<HttpParts, 'logger'> & { readonly longAnswers: LongAnswers; readonly streams: OpenStreams };

/** A request for events. */
interface EventsRequest extends EventsParts {
  readonly exchange: Exchange;
  readonly store: ProjectStore;
  readonly query: EventsQuery;
}

/** Returns the handler. */
export function eventsRoutes(parts: EventsParts): RouteHandlers<'listEvents'> {
  return {
    listEvents: {
      readQuery: readEventsQuery,
      handle: (exchange) => answerEvents({ ...parts, exchange, store: storeOf(exchange), query: exchange.query as EventsQuery }),
    },
  };
}

async function answerEvents(request: EventsRequest): Promise<Answer> {
  const media = chooseType(request.exchange, MEDIA_TYPES);
  refuseUnfit(request.query, media);
  try {
    if (media === JSON_MEDIA) return await answerPage(request);
    return await (media === LINES_MEDIA_TYPE ? answerLines(request) : answerStream(request));
  } catch (error) {
    throw isDropped(error) ? historyGone(request.store) : error;
  }
}

/** Refuses what has no meaning in a media type or together. */
function refuseUnfit({ until, limit, isNewestFirst, waitMs, isFollowed }: EventsQuery, media: (typeof MEDIA_TYPES)[number]): void {
  if (waitMs !== undefined && media !== JSON_MEDIA) throw unfitParameter('wait_seconds', `is for ${JSON_MEDIA}`);
  if (isFollowed && media !== LINES_MEDIA_TYPE) throw unfitParameter('follow', `is for ${LINES_MEDIA_TYPE}`);
  const isEndless = isFollowed || media === STREAM_MEDIA_TYPE;
  if (!isEndless && waitMs === undefined) return;
  if (isNewestFirst) throw unfitParameter('order', 'cannot be "desc" in an answer that waits for events');
  if (until !== undefined) throw unfitParameter('until', 'has no meaning in an answer that waits for events');
  if (isEndless && limit !== undefined) throw unfitParameter('limit', 'has no meaning in an answer without an end');
}

async function answerPage(request: EventsRequest): Promise<Answer> {
  const { exchange, longAnswers, store, query, streams } = request;
  const { waitMs } = query;
  const isHead = exchange.request.method === 'HEAD';
  const stream = waitMs === undefined || isHead ? undefined : streams.open(exchange, 'longpoll');
  const range = await findRange(store, query);
  const parts = { store, query, range, admit: (sizeBytes: number) => longAnswers.reserve(exchange, sizeBytes) };
  let page: Awaited<ReturnType<typeof readPage>>;
  let erasures: number;
  do {
    ({ erasures } = store.feed);
    page = await readPage(parts);
    // What was read before lines were erased is not sent any more.
  } while (erasures !== store.feed.erasures);
  if (stream !== undefined && waitMs !== undefined && page.events.length === 0 && page.next === undefined) {
    page = await awaitPage(parts, stream, waitMs);
  }
  const { path, query: entries } = exchange.target;
  const link = page.next === undefined ? [] : ['Link', nextPageLink(path, entries, query, page.next)];
  return { status: OK, headers: [...PAGE_HEADERS, ...link], body: isHead ? null : pageText(page) };
}

async function answerLines(request: EventsRequest): Promise<Answer> {
  const { exchange, store, query } = request;
  const { feed } = store;
  const { logId } = feed;
  const range = await findRange(store, query);
  const { key, prefix, op, actor } = query.filter;
  const isWhole = !query.isNewestFirst && [key, prefix, op, actor].every((one) => one === undefined);
  const chain = isWhole ? ['SimpleKV-Prev', await feed.hashAt(range.afterSeq)] : [];
  const headers = [...LINES_HEADERS, 'SimpleKV-Log-Id', logId, ...chain];
  if (exchange.request.method === 'HEAD') return { status: OK, headers, body: null };
  const stream = request.streams.open(exchange, 'ndjson');
  const run = async (): Promise<void> => {
    if (query.isFollowed) return await follow(request, stream, range.afterSeq, followLines);
    const parts = { stream, feed, ...memoryOf(request) };
    const blocks = feed.read({ ...range, ...query.filter, isNewestFirst: query.isNewestFirst, admit: parts.admit });
    await sendLines(parts, blocks, query.limit);
  };
  return { status: OK, headers, body: null, stream: () => reported(request, run) };
}

async function answerStream(request: EventsRequest): Promise<Answer> {
  const { exchange, store, streams } = request;
  const since = lastEventId(exchange) ?? request.query.since;
  let range: EventsRange | undefined;
  try {
    range = await findRange(store, { since, until: undefined });
  } catch (error) {
    const isOutside = isDropped(error) || (error instanceof AppError && (error.code === 'ahead_of_log' || error.code === 'history_gone'));
    if (!isOutside) throw error;
  }
  if (exchange.request.method === 'HEAD') return { status: OK, headers: STREAM_HEADERS, body: null };
  const stream = streams.open(exchange, 'sse');
  const reset = (): void => stream.finish(resetFrame(extentOf(store)));
  const run = async (): Promise<void> => {
    if (range === undefined) return reset();
    const { afterSeq } = range;
    try {
      await follow(request, stream, afterSeq, (parts) => sendServerEvents(parts, afterSeq));
    } catch (error) {
      if (!isDropped(error)) throw error;
      reset();
    }
  };
  return { status: OK, headers: STREAM_HEADERS, body: null, stream: () => reported(request, run) };
}

/** Parses the position at which a client of server-sent events stopped; undefined if there is none. */
function lastEventId({ request }: Exchange): Position | undefined {
  const text = request.headers['last-event-id'];
  if (text === undefined) return undefined;
  const position = typeof text === 'string' ? parsePosition(text) : undefined;
  if (position?.kind === 'seq') return position;
  throw new AppError('invalid_query', `Cannot continue the stream: "${LAST_EVENT_ID}" must be the id of an event`, {
    facts: { parameter: LAST_EVENT_ID },
  });
}

async function follow(
  request: EventsRequest, stream: OpenStream, afterSeq: number, send: (parts: StreamParts) => Promise<void>,
): Promise<void> {
  const { feed } = request.store;
  const cursor = feed.follow(afterSeq, request.query.filter);
  try {
    await send({ stream, feed, cursor, ...memoryOf(request) });
  } finally {
    await cursor.close();
  }
}

function memoryOf({ exchange, longAnswers }: EventsRequest): Pick<StreamParts, 'admit' | 'release'> {
  return {
    admit: (sizeBytes) => longAnswers.reserve(exchange, sizeBytes),
    release: () => {
      if (exchange.reservation !== null && exchange.reservation.heldBytes > 0) void longAnswers.reserve(exchange, 0);
    },
  };
}

/** After the head nothing else can tell the client or the operator what went wrong. */
async function reported({ exchange, logger }: EventsRequest, run: () => Promise<void>): Promise<void> {
  try {
    await run();
  } catch (error) {
    if (error instanceof AppError && error.code === 'project_corrupt') {
      const facts = { project: exchange.projectId, request_id: exchange.requestId, err: error };
      logger.error(facts, 'an event stream was cut off: a line of the log could not be read');
    }
    throw error;
  }
}
