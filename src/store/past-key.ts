/**
 * Reads one key as it was after a line of the log, from its current entry or its history. Builds nothing.
 */
import { expiryAfter, type KeyChanged, keyChangesOf, removesKey, setsValue } from '../events/event.js';
import { hasExpired } from '../events/expiry.js';
import { type KeyVersion, versionTag } from '../events/key-version.js';
import type { EventLine } from '../log/event-lines.js';
import { sizeOfValue } from '../projections/key-entry.js';
import { eventOf, valueRedacted } from './event-of-line.js';
import type { Admission } from './project-reads.js';
import type { ProjectStore } from './project-store.js';

/** A version of a key, as it was. */
interface PastVersion extends KeyVersion {
  /** When it was made, in milliseconds since 1970. */
  readonly timeMs: number;
  /** When it was to expire, in milliseconds since 1970; null for never. */
  readonly expiresAtMs: number | null;
}

/** A version with its value. */
export interface PastValue extends PastVersion {
  /** The value's JSON text, token for token. */
  readonly value: string;
}

/** What is known about a key at a moment. */
type PastKey =
  | { readonly isKnown: true; readonly entry: PastValue | undefined }
  /** The lines that are kept do not tell, and there were lines before. */
  | { readonly isKnown: false };

const ABSENT: PastKey = { isKnown: true, entry: undefined };
const UNKNOWN: PastKey = { isKnown: false };

/**
 * Reads a key. The newest change at or before the line decides, and for a version that expires, the time of the line.
 *
 * @param seq from 0 to the last line
 * @param admit reserves memory before a long value is loaded
 * @throws {LogCorruptError} if a line on disk is not the one that was written
 * @throws {AppError} `value_redacted`
 */
export async function readPastKey(store: ProjectStore, key: string, seq: number, admit: Admission): Promise<PastKey> {
  try {
    const found = (await currentKey(store, key, seq, admit)) ?? (await searchHistory(store, key, seq, admit));
    if (!found.isKnown || found.entry === undefined || found.entry.expiresAtMs === null) return found;
    return hasExpired(found.entry.expiresAtMs, (await store.feed.lineAt(seq, admit)).timeMs) ? ABSENT : found;
  } catch (error) {
    if (error instanceof Error && error.name === 'LinesDroppedError') return UNKNOWN;
    throw error;
  }
}

/** The current version, if it is as old as the line; it need not be visible any more. */
async function currentKey(store: ProjectStore, key: string, seq: number, admit: Admission): Promise<PastKey | undefined> {
  for (;;) {
    const current = store.values.get(key);
    if (current === undefined || current.seq > seq) return undefined;
    const granted = admit(sizeOfValue(current));
    if (granted === undefined) return { isKnown: true, entry: { ...versionOf(current), value: await store.reads.load(key, current) } };
    await granted;
  }
}

function versionOf({ seq, tag, timeMs, expiresAtMs }: PastVersion): PastVersion {
  return { seq, tag, timeMs, expiresAtMs };
}

/** From the newest event backwards: the first one has the version; what only gave its key another expiry left the value to an older one. */
async function searchHistory({ feed }: ProjectStore, key: string, seq: number, admit: Admission): Promise<PastKey> {
  const { oldestSeq } = feed;
  let version: PastVersion | undefined;
  const events = seq < oldestSeq ? [] : feed.read({ key, afterSeq: oldestSeq - 1, untilSeq: seq, isNewestFirst: true, admit });
  for await (const block of events) {
    for (const line of block.events) {
      if (line.op === 'redact') continue;
      const change = changeIn(line, key);
      if (change === undefined || removesKey(change)) return ABSENT;
      version ??= { seq: line.seq, tag: versionTag(line.hash), timeMs: line.timeMs, expiresAtMs: expiryAfter(change) };
      if (setsValue(change) && line.left !== undefined) throw valueRedacted(line.seq);
      if (setsValue(change)) return { isKnown: true, entry: { ...version, value: change.value } };
    }
  }
  return oldestSeq === 1 ? ABSENT : UNKNOWN;
}

/** Undefined if the event deletes the key in a range. */
function changeIn(line: EventLine, key: string): KeyChanged | undefined {
  return keyChangesOf(eventOf(line)).find((change) => change.key === key);
}
