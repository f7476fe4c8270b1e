/**
 * Reads of keys and values: as they are now, or as they were at a moment.
 */
import { LINES_MEDIA_TYPE } from '../api/media-types.js';
import { READ_KEYS_MAX } from '../api/schemas/read.js';
import type { KeyCountJson } from '../api/types.js';
import { encodedKey, isDots, atText, nextPageQuery, queryOf, rangeQuery, wellFormed, type QueryValues } from './addresses.js';
import { type Entry, entryOfAnswer, entryOfLine, entryOfReadText, type ListedEntry, type ReadEntry, valueOfText } from './entries.js';
import { isCode } from './error.js';
import { type HttpAnswer, type HttpRequest, jsonOf, type Transport } from './http.js';
import { itemTexts, memberTexts, type ValueFormat } from './json-texts.js';
import type { CallOptions, ListOptions, ReadMoment, RangeOptions } from './options.js';
import { itemsOfPages } from './pages.js';

/** One project of one server, and what its values are. */
export interface ProjectAccess {
  readonly transport: Transport;
  /** The path of the project. */
  readonly path: string;
  readonly format: ValueFormat;
}

/** How one value is read. */
export interface GetOptions extends CallOptions {
  /** As it was then. */
  readonly at?: ReadMoment | undefined;
}

/** How an entry is read. */
export interface GetEntryOptions extends GetOptions {
  /** The ETag of a version that the program has already. */
  readonly ifNoneMatch?: string | undefined;
}

const KEYS_PER_PAGE = 1000;
const ENTRIES_PER_PAGE = 200;
const NOT_MODIFIED = 304;

/** Reads the keys of a project. */
export class KeyReader {
  readonly #access: ProjectAccess;
  readonly #at: ReadMoment | undefined;

  /** @param at the moment that is read; without one, now */
  constructor(access: ProjectAccess, at?: ReadMoment) {
    this.#access = access;
    this.#at = at;
  }

  /**
   * Reads a value.
   *
   * @returns undefined if the key does not exist
   * @throws {SimpleKvError}
   */
  async get<T = unknown>(key: string, options: GetOptions = {}): Promise<T | undefined> {
    const text = await this.getText(key, options);
    return text === undefined ? undefined : valueOfText<T>(this.#access.format, text);
  }

  /**
   * Reads the JSON of a value, token for token as it was stored.
   *
   * @returns undefined if the key does not exist
   * @throws {SimpleKvError}
   */
  async getText(key: string, options: GetOptions = {}): Promise<string | undefined> {
    if (isDots(key)) return (await this.#read([key], options))[0]?.text;
    return (await this.#getKey(key, options))?.text;
  }

  /**
   * Reads a value with its version and its times.
   *
   * @returns undefined if the key does not exist, and `'unchanged'` if it still has the version of `ifNoneMatch`
   * @throws {SimpleKvError}
   */
  async getEntry<T = unknown>(key: string, options?: GetOptions & { readonly ifNoneMatch?: undefined }): Promise<Entry<T> | undefined>;
  async getEntry<T = unknown>(key: string, options: GetEntryOptions): Promise<Entry<T> | 'unchanged' | undefined>;
  async getEntry<T = unknown>(key: string, options: GetEntryOptions = {}): Promise<Entry<T> | 'unchanged' | undefined> {
    if (isDots(key)) return await this.#getDotsEntry<T>(key, options);
    const answer = await this.#getKey(key, options);
    if (answer?.status === NOT_MODIFIED) return 'unchanged';
    return answer && entryOfAnswer<T>(key, answer, this.#access.format);
  }

  /**
   * Reads many values. All of them are of one moment; of more than 1,000 keys, each 1,000 are.
   *
   * @returns The values of the keys that exist, in the order in which they were asked for
   * @throws {SimpleKvError}
   */
  async getMany<T = unknown>(keys: Iterable<string>, options: GetOptions = {}): Promise<Map<string, T>> {
    const all = [...new Set(keys)];
    const values = new Map<string, T>();
    for (let from = 0; from < all.length; from += READ_KEYS_MAX) {
      const entries = await this.#read(all.slice(from, from + READ_KEYS_MAX), options);
      for (const entry of entries) {
        if (entry !== undefined) values.set(entry.key, valueOfText<T>(this.#access.format, entry.text));
      }
    }
    return values;
  }

  /**
   * Tells whether a key exists.
   *
   * @throws {SimpleKvError}
   */
  async has(key: string, options: GetOptions = {}): Promise<boolean> {
    const [entry] = await this.#read([key], { ...options, values: false });
    return entry !== undefined;
  }

  /**
   * Counts keys.
   *
   * @throws {SimpleKvError}
   */
  async count({ signal, timeoutMs, ...range }: RangeOptions & CallOptions = {}): Promise<number> {
    const query = queryOf({ ...rangeQuery(range), count: true, ...this.#moment() });
    return jsonOf<KeyCountJson>(await this.#send({ target: `/keys${query}`, signal, timeoutMs })).count;
  }

  /**
   * Iterates over keys, sorted by their UTF-8 bytes.
   *
   * @throws {SimpleKvError}
   */
  keys({ pageSize = KEYS_PER_PAGE, ...options }: ListOptions = {}): AsyncGenerator<string, void, undefined> {
    return this.#list({ ...options, pageSize }, { values: false }, jsonOf<readonly string[]>);
  }

  /**
   * Iterates over entries in the order of their keys.
   *
   * @throws {SimpleKvError}
   */
  entries<T = unknown>({ pageSize = ENTRIES_PER_PAGE, ...options }: ListOptions = {}): AsyncGenerator<ListedEntry<T>, void, undefined> {
    return this.#list({ ...options, pageSize }, { values: 'entries' }, ({ text }) => (
      (text.match(/[^\n]+/g) ?? []).map((line) => entryOfLine<T>(line, this.#access.format))
    ));
  }

  #list<T>(
    { signal, timeoutMs, reverse, pageSize, ...range }: ListOptions, form: QueryValues, itemsOf: (answer: HttpAnswer) => readonly T[],
  ): AsyncGenerator<T, void, undefined> {
    const first = queryOf({ ...rangeQuery(range), ...form, limit: pageSize, reverse: reverse || undefined, ...this.#moment() });
    const headers = { Accept: form['values'] === 'entries' ? LINES_MEDIA_TYPE : undefined };
    return itemsOfPages(async (query = first, pageSignal) => {
      const answer = await this.#send({ target: `/keys${query}`, headers, timeoutMs, signal: pageSignal });
      return { items: itemsOf(answer), next: nextPageQuery(answer.headers) };
    }, signal);
  }

  /** A read of one key through its path; undefined if it does not exist. */
  async #getKey(key: string, { at, ifNoneMatch, ...call }: GetEntryOptions): Promise<HttpAnswer | undefined> {
    const target = `/keys/${encodedKey(key)}${queryOf(this.#moment(at))}`;
    try {
      return await this.#send({ target, headers: { 'If-None-Match': ifNoneMatch }, accepts: NOT_MODIFIED, ...call });
    } catch (error) {
      if (isCode(error, 'key_not_found')) return undefined;
      throw error;
    }
  }

  /** The time of a version stands in listings only, so two requests are made, again whenever the key was changed in between. */
  async #getDotsEntry<T>(key: string, { ifNoneMatch, at, ...call }: GetEntryOptions): Promise<Entry<T> | 'unchanged' | undefined> {
    const past = new KeyReader(this.#access, at ?? this.#at);
    for (;;) {
      const [entry] = await past.#read([key], call);
      if (entry === undefined || entry.etag === ifNoneMatch) return entry && 'unchanged';
      const { value: listed } = await past.entries<T>({ start: key, pageSize: 1, ...call }).next();
      if (listed?.key === key && listed.seq === entry.seq) return { ...listed, etag: entry.etag };
    }
  }

  /** An entry for each key, in their order; undefined for those that do not exist. */
  async #read(
    keys: readonly string[], { at, values = true, ...call }: GetOptions & { readonly values?: boolean },
  ): Promise<readonly (ReadEntry | undefined)[]> {
    const body = JSON.stringify({ keys: keys.map(wellFormed), values });
    const answer = await this.#send({ method: 'POST', target: `/read${queryOf(this.#moment(at))}`, body, ...call });
    // Cutting texts apart relies on JSON being valid.
    jsonOf(answer);
    return itemTexts(memberTexts(answer.text).get('entries') ?? '[]').map(entryOfReadText);
  }

  #moment(at = this.#at): QueryValues {
    return { at: at === undefined ? undefined : atText(at) };
  }

  async #send(request: HttpRequest): Promise<HttpAnswer> {
    const { transport, path } = this.#access;
    return await transport.send({ ...request, target: `${path}${request.target}` });
  }
}
