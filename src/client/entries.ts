/**
 * Entries: what a key has, made of the answers that show it.
 */
import type { ListedEntryJson, ReadEntryJson } from '../api/types.js';
import { SimpleKvError, strongTag } from './error.js';
import type { HttpAnswer } from './http.js';
import { memberTexts, type ValueFormat } from './json-texts.js';

/** An entry of a listing. */
export interface ListedEntry<T = unknown> {
  readonly key: string;
  readonly value: T;
  /** The value, token for token. */
  readonly text: string;
  /** The version: number of the change that made it. */
  readonly seq: number;
  /** When the version was written. */
  readonly modifiedAt: Date;
  /** When the value expires; null: never. */
  readonly expiresAt: Date | null;
}

/** An entry that was read alone. Its times are exact to the second. */
export interface Entry<T = unknown> extends ListedEntry<T> {
  /** The version, for conditions: with its quotes, and different from that of every other project. */
  readonly etag: string;
}

const ETAG = /^"(\d+)-/;

/**
 * Makes an entry of the answer to a read of one key.
 *
 * @throws {SimpleKvError} `bad_answer` when the headers are missing
 */
export function entryOfAnswer<T>(key: string, { headers, text, status }: HttpAnswer, format: ValueFormat): Entry<T> {
  const etag = strongTag(headers.get('ETag') ?? '');
  const [, seq] = ETAG.exec(etag) ?? [];
  const modified = headers.get('Last-Modified');
  if (seq === undefined || modified === null) {
    throw new SimpleKvError('bad_answer', 'Cannot use an answer: it lacks ETag or Last-Modified', { status });
  }
  return {
    key, value: valueOfText<T>(format, text), text, seq: Number(seq), etag, modifiedAt: new Date(modified),
    expiresAt: timeOrNull(headers.get('SimpleKV-Expires-At')),
  };
}

/** Makes an entry of a line of a listing. */
export function entryOfLine<T>(line: string, format: ValueFormat): ListedEntry<T> {
  const { key, seq, modified_at: modifiedAt, expires_at: expiresAt } = JSON.parse(line) as ListedEntryJson;
  const text = memberTexts(line).get('value') ?? '';
  return { key, value: format.parse(text) as T, text, seq, modifiedAt: new Date(modifiedAt), expiresAt: timeOrNull(expiresAt) };
}

/** An entry of a read of many keys, of a key that exists. */
export interface ReadEntry {
  readonly key: string;
  readonly seq: number;
  readonly etag: string;
  readonly expiresAt: Date | null;
  /** The value; empty if it was not asked for. */
  readonly text: string;
}

/** Makes an entry of one in the answer to a read of many keys; undefined for a key that does not exist. */
export function entryOfReadText(text: string): ReadEntry | undefined {
  const { key, seq, etag, expires_at: expiresAt = null } = JSON.parse(text) as ReadEntryJson;
  if (etag === undefined) return undefined;
  return { key, seq, etag, expiresAt: timeOrNull(expiresAt), text: memberTexts(text).get('value') ?? '' };
}

/**
 * Makes a value of its JSON.
 *
 * @throws {SimpleKvError} `bad_answer` when it is none
 */
export function valueOfText<T>({ parse }: ValueFormat, text: string): T {
  try {
    return parse(text) as T;
  } catch (cause) {
    throw new SimpleKvError('bad_answer', 'Cannot parse a value', { cause });
  }
}

/** A time as the API writes it, or null. */
export function timeOrNull(text: string | null): Date | null {
  return text === null ? null : new Date(text);
}
