/**
 * The form of a recorded history: what clients asked and what they were answered, with one clock for all of them, and what the log held
 * when it was read. Judges read it; a recorder or a hand makes it.
 */

/** What a conditional write rests on. */
export type Condition =
  /** `If-None-Match: *` */
  | { readonly kind: 'absent' }
  /** `If-Match`, with the tag's seq and the value that the client had been shown under that tag. */
  | { readonly kind: 'match'; readonly seq: number; readonly value: string };

/** What a client was answered. */
export type Outcome =
  /** A write that was carried out. A deletion never creates. */
  | { readonly kind: 'written'; readonly seq: number; readonly hash: string; readonly created: boolean }
  /** A read that found the key; a HEAD shows the version alone. */
  | { readonly kind: 'found'; readonly seq: number; readonly value: string | null }
  /** A read or a deletion of a key that is not there. */
  | { readonly kind: 'absent' }
  /** A condition that did not hold: 412, with the version that it was compared with, 0 for none. */
  | { readonly kind: 'refused'; readonly seq: number }
  /** Turned away before it was decided. */
  | { readonly kind: 'rejected' }
  /** No answer: it happened before its end, or never. */
  | { readonly kind: 'unknown' };

/** What one request does to one key. A batch, or a read of several keys, is one operation for each of them, at one moment. */
export interface Operation {
  /** The request id, which the log repeats. Operations of one request share it, and their beginning and end. */
  readonly id: string;
  readonly kind: 'put' | 'delete' | 'get' | 'head';
  readonly key: string;
  /** JSON text that a put brings, unique in its history; null for the others. */
  readonly value: string | null;
  readonly condition: Condition | null;
  /** When it was sent. The clock counts beginnings and ends, so no two are equal. */
  readonly begin: number;
  /**
   * When it was answered. Without an answer: when its process was seen dead, since a dead process does nothing more; Infinity where
   * the process lived on.
   */
  readonly end: number;
  readonly outcome: Outcome;
}

/** What a line makes of a key. A batch makes several changes of one seq. */
export interface LoggedChange {
  readonly seq: number;
  readonly key: string;
  /** Null for a deletion. */
  readonly value: string | null;
  readonly hash: string;
  /** The request id of the operation that wrote it. */
  readonly request: string;
}

/** The log at one moment. */
export interface LogReading {
  /** The clock at that moment. */
  readonly at: number;
  /** In the order of their seqs; events that change no key are left out. */
  readonly changes: readonly LoggedChange[];
}

/** Everything that judges are given. */
export interface History {
  /** Reads without an answer are left out: they say nothing. */
  readonly operations: readonly Operation[];
  /** One after each restart, and one at the end. */
  readonly readings: readonly LogReading[];
}

/**
 * Says what an operation was, for a person.
 *
 * @param operation any
 * @returns one line
 */
export function describeOperation({ id, kind, key, value, condition, begin, end, outcome }: Operation): string {
  const under = condition === null ? '' : ` if ${condition.kind === 'absent' ? 'absent' : `at ${condition.seq}`}`;
  return `${id} [${begin}-${end}] ${kind} ${key}${value === null ? '' : `=${value}`}${under}: ${JSON.stringify(outcome)}`;
}
