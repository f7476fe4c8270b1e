/**
 * The body of a read of many keys: `{"keys": ["a", "b"], "values": true}`.
 *
 * It is scanned, not parsed: of 4 MiB of brackets, or of a million short texts, a parser would make objects before anything could be
 * refused. The scan stops at the first thing that does not belong here; only then is the whole text checked, so that what is not JSON is
 * answered with the position of its fault. The ranges of `base/json-ranges.ts` need a text that was checked before.
 */
import { READ_KEYS_MAX } from '../api/schemas/read.js';
import { AppError } from '../base/app-error.js';
import { escapePointer } from '../base/json-schema.js';
import { checkKey } from './key-check.js';
import { readJsonText, requireJson } from './request-body.js';

/** What is to be read. */
export interface ReadRequest {
  /** In the order of the answer; a key may be there more than once. */
  readonly keys: readonly string[];
  /** False: versions only. */
  readonly withValues: boolean;
}

/** What does not belong into the body. */
interface Fault {
  readonly pointer: string;
  readonly expected: string;
}

/** Characters of a JSON pointer that an answer shows: its names are the client's. */
const POINTER_CHARACTERS_MAX = 100;
const QUOTE = 0x22;
const BACKSLASH = 0x5c;
const SPACES: ReadonlySet<string> = new Set([' ', '\t', '\n', '\r']);

const NOT_AN_OBJECT: Fault = { pointer: '', expected: 'an object with "keys", and perhaps "values"' };
const NO_KEYS: Fault = { pointer: '/keys', expected: `a list of 1 to ${READ_KEYS_MAX} keys` };

/** A position in a text, which moves on with what is taken. */
class Scan {
  readonly #text: string;
  #at = 0;

  constructor(text: string) {
    this.#text = text;
  }

  #skipSpaces(): void {
    while (SPACES.has(this.#text[this.#at] ?? '')) this.#at += 1;
  }

  /** Takes the next word or sign if it is this one. */
  take(token: string): boolean {
    this.#skipSpaces();
    if (!this.#text.startsWith(token, this.#at)) return false;
    this.#at += token.length;
    return true;
  }

  /** Takes the end of the text if only spaces are left. */
  takeEnd(): boolean {
    this.#skipSpaces();
    return this.#at === this.#text.length;
  }

  /** Takes a string, and returns it as it is written; undefined if there is none. */
  takeQuoted(): string | undefined {
    this.#skipSpaces();
    const start = this.#at;
    if (this.#text.charCodeAt(start) !== QUOTE) return undefined;
    for (let at = start + 1; at < this.#text.length; at += 1) {
      const unit = this.#text.charCodeAt(at);
      if (unit === QUOTE) {
        this.#at = at + 1;
        return this.#text.slice(start, at + 1);
      }
      if (unit === BACKSLASH) at += 1;
    }
    return undefined;
  }
}

/**
 * Reads the body.
 *
 * @param keyBytesMax the longest key, in bytes of UTF-8
 * @throws {AppError} `empty_body`, `invalid_utf8`, `invalid_json`, `invalid_body`, `too_many_keys`, `invalid_key`
 */
export function readReadRequest(bytes: Buffer, keyBytesMax: number): ReadRequest {
  const text = readJsonText(bytes);
  const found = scanRequest(new Scan(text));
  if ('pointer' in found || found.count > READ_KEYS_MAX) {
    requireJson(bytes);
    throw 'pointer' in found ? invalidBody(found) : tooManyKeys(found.count);
  }
  const { keys, withValues } = found;
  for (const [index, key] of keys.entries()) checkKey(key, keyBytesMax, { pointer: `/keys/${index}` });
  return { keys, withValues };
}

interface ScannedRequest extends ReadRequest {
  /** Number of keys; only as many as are allowed are in the list. */
  readonly count: number;
}

/** The members of a request that were scanned so far. */
interface Members {
  listed: Pick<ScannedRequest, 'keys' | 'count'> | undefined;
  withValues: boolean | undefined;
}

function scanRequest(scan: Scan): ScannedRequest | Fault {
  const found: Members = { listed: undefined, withValues: undefined };
  if (!scan.take('{')) return NOT_AN_OBJECT;
  if (!scan.take('}')) {
    do {
      const fault = scanMember(scan, found);
      if (fault !== undefined) return fault;
    } while (scan.take(','));
    if (!scan.take('}')) return NOT_AN_OBJECT;
  }
  if (!scan.takeEnd()) return NOT_AN_OBJECT;
  if (found.listed === undefined) return { pointer: '/keys', expected: 'this member to be present' };
  return { ...found.listed, withValues: found.withValues ?? true };
}

function scanMember(scan: Scan, found: Members): Fault | undefined {
  const name = decoded(scan.takeQuoted());
  if (name === undefined || !scan.take(':')) return NOT_AN_OBJECT;
  const pointer = `/${escapePointer(name)}`;
  if (name === 'keys' ? found.listed !== undefined : name === 'values' && found.withValues !== undefined) {
    return { pointer, expected: 'the only member of its name' };
  }
  if (name === 'keys') {
    const keys = scanKeys(scan);
    if ('pointer' in keys) return keys;
    found.listed = keys;
    return undefined;
  }
  if (name !== 'values') return { pointer, expected: 'no such member' };
  found.withValues = scan.take('true');
  return found.withValues || scan.take('false') ? undefined : { pointer, expected: 'true or false' };
}

function scanKeys(scan: Scan): Pick<ScannedRequest, 'keys' | 'count'> | Fault {
  if (!scan.take('[') || scan.take(']')) return NO_KEYS;
  const keys: string[] = [];
  let count = 0;
  do {
    const quoted = scan.takeQuoted();
    const key = count < READ_KEYS_MAX ? decoded(quoted) : quoted;
    if (key === undefined) return { pointer: `/keys/${count}`, expected: 'a string' };
    if (count < READ_KEYS_MAX) keys.push(key);
    count += 1;
  } while (scan.take(','));
  return scan.take(']') ? { keys, count } : NO_KEYS;
}

/** Undefined for what is not a string of JSON. */
function decoded(quoted: string | undefined): string | undefined {
  if (quoted === undefined) return undefined;
  try {
    return JSON.parse(quoted) as string;
  } catch {
    return undefined;
  }
}

function invalidBody({ pointer, expected }: Fault): AppError {
  const shown = pointer.slice(0, POINTER_CHARACTERS_MAX);
  const place = shown === '' ? '' : `at "${shown}" `;
  return new AppError('invalid_body', `Cannot read the body: ${place}expected ${expected}`, { facts: { pointer: shown, expected } });
}

function tooManyKeys(actual: number): AppError {
  return new AppError('too_many_keys', `Cannot read ${actual} keys at once: the limit is ${READ_KEYS_MAX}`, {
    facts: { limit: READ_KEYS_MAX, actual },
  });
}
