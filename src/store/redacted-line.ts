/**
 * What a redaction erases of a line, read from the log: the digest of the part with the values, and the fields that are left.
 */
import { hash } from 'node:crypto';
import { isProjectEvent, keyChangesOf, type RedactedLine } from '../events/event.js';
import { fieldsLeft } from '../events/redaction.js';
import { erasablePartOf, type EventLine } from '../log/event-lines.js';
import { eventOf } from './event-of-line.js';
import type { EventFeed } from './event-feed.js';
import type { ProjectReads } from './project-reads.js';

/**
 * Tells whether a key still has the value that a line gave it: after that it may only have got another expiry, and with it another version.
 *
 * @param seq of the line, which set the key. If the log no longer has it, it made the version that the key had where the log begins
 */
export async function hasValueOf({ feed, reads }: ValueSource, key: string, seq: number): Promise<boolean> {
  const version = reads.get(key)?.seq ?? 0;
  if (version <= seq) return version === seq;
  const isGone = seq < feed.oldestSeq;
  const afterSeq = isGone ? feed.oldestSeq - 1 : seq - 1;
  for await (const { events } of feed.read({ key, afterSeq, untilSeq: version, isNewestFirst: true })) {
    for (const line of events) {
      const event = eventOf(line);
      const change = keyChangesOf(event).find((each) => each.key === key);
      if (event.op !== 'redact' && change?.op !== 'touch') return line.seq === seq;
    }
  }
  return isGone;
}

/** Where changes of a key are read. */
interface ValueSource {
  readonly feed: Pick<EventFeed, 'oldestSeq' | 'read'>;
  readonly reads: Pick<ProjectReads, 'get'>;
}

/**
 * Describes the erasure of a line.
 *
 * @param line not erased yet
 * @returns undefined if it has no value
 */
export function redactedLineOf(line: EventLine): RedactedLine | undefined {
  const event = eventOf(line);
  const left = isProjectEvent(event) ? fieldsLeft(event) : undefined;
  if (left === undefined) return undefined;
  const part = erasablePartOf(line);
  return { seq: line.seq, digest: hash('sha256', part, 'hex'), bytes: part.length, left };
}
