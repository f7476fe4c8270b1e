/**
 * Reads the events of a log in blocks.
 */
import type { EventLine, ScannedLines, ScanRange } from '../log/event-lines.js';
import type { Log } from '../log/log.js';
import type { EventFilter, EventMatcher } from './event-filter.js';

/** Which events to read. */
export interface FeedRange extends EventFilter {
  /** The seq before the first one. */
  readonly afterSeq: number;
  /** The last seq. */
  readonly untilSeq: number;
  /** @default false */
  readonly isNewestFirst?: boolean;
  /** {@inheritDoc ScanRange.admit} */
  readonly admit?: ScanRange['admit'];
}

/** Events that were read together. */
export interface ReadBlock {
  /** The matching ones, in the direction of the reading. */
  readonly events: readonly EventLine[];
  /** Every event up to this one has been examined, in the direction of the reading. */
  readonly doneSeq: number;
}

/** Events that were read together, and when. */
export interface FeedBlock extends ReadBlock {
  /** What `EventFeed.erasures` was before they were read. */
  readonly erasures: number;
}

/** Blocks, each read when it is asked for. */
export type Blocks = AsyncGenerator<ReadBlock, void, undefined>;

/** Reads events that match. */
export async function* readLog(log: Log, range: FeedRange, matcher: EventMatcher): Blocks {
  const { afterSeq, untilSeq: toSeq, isNewestFirst = false, admit } = range;
  const { wanted } = matcher;
  for await (const found of log.scan({ fromSeq: afterSeq + 1, toSeq, isNewestFirst, wanted, admit })) yield matching(found, matcher);
}

/** Returns those of some lines that match. */
export function matching({ lines, doneSeq }: ScannedLines, matcher: EventMatcher): ReadBlock {
  return { events: matcher.wanted === undefined ? lines : lines.filter((line) => matcher.matches(line)), doneSeq };
}
