/**
 * Changes of data as requests: of one key through its path, or as a batch where a path cannot name the key; conditions, expiry, and the
 * receipts that answer them.
 */
import type { BatchReceiptJson, KeyReceiptJson, LimitsJson } from '../api/types.js';
import { encodedKey, isDots, queryOf, wellFormed, type QueryValues } from './addresses.js';
import { isCode, SimpleKvError, strongTag } from './error.js';
import { type HttpAnswer, type HttpRequest, jsonOf, type Transport } from './http.js';
import { checkedJson } from './json-texts.js';
import type { ConditionOptions, DeleteOptions, ExpiryOptions, SetOptions, WriteOptions } from './options.js';

/** Proves a change: the hash of its line covers all lines before it. */
export interface Receipt {
  readonly key: string;
  readonly seq: number;
  readonly hash: string;
  /** False if the change may not be on disk yet, as the durability of the project says. */
  readonly durable: boolean;
}

/** Proves that a value was set. */
export interface SetReceipt extends Receipt {
  /** The version that was made, for conditions. */
  readonly etag: string;
  /** Whether the key did not exist before. */
  readonly created: boolean;
}

const MS_PER_SECOND = 1000;
const CREATED = 201;
/** Digits of the hash of a line that stand in the tag of the version it made. */
const TAG_DIGITS = 8;
const KEY_BYTES = 16;
/** How a server that honoured an `Idempotency-Key` names the request. */
const IDEMPOTENT_REQUEST = /^idem:/;

/** Sends the changes of one project. */
export class Changes {
  readonly #transport: Transport;
  readonly #path: string;
  /** Whether it is known that the server recognizes writes that are repeated. */
  #recognizes = false;

  /** @param path of the project */
  constructor(transport: Transport, path: string) {
    this.#transport = transport;
    this.#path = path;
  }

  /**
   * Sets a value.
   *
   * @param text its JSON
   * @throws {SimpleKvError}
   */
  async set(key: string, text: string, options: SetOptions): Promise<SetReceipt> {
    if (isDots(key)) {
      const answer = await this.batch([setOpText(key, text, options)], options, hasCondition(options));
      return setReceipt(key, answer, answer.results?.[0]?.created === true);
    }
    const target = keyTarget(key, { ...expiryParameters(options), if_seq: options.ifSeq });
    const answer = await this.send({ method: 'PUT', target, body: text, headers: matchHeader(options) }, options, hasCondition(options));
    return setReceipt(key, jsonOf<KeyReceiptJson>(answer), answer.status === CREATED);
  }

  /**
   * Deletes a key.
   *
   * @returns undefined if it did not exist
   * @throws {SimpleKvError}
   */
  async delete(key: string, options: DeleteOptions): Promise<Receipt | undefined> {
    try {
      const { seq, hash, durable } = isDots(key)
        ? await this.batch([opText('delete', key, conditionMembers(options))], options, hasCondition(options))
        : jsonOf<KeyReceiptJson>(await this.send({
          method: 'DELETE', target: keyTarget(key, { if_seq: options.ifSeq }), headers: matchHeader(options),
        }, options, hasCondition(options)));
      return hash === undefined ? undefined : { key, seq, hash, durable: durable !== false };
    } catch (error) {
      if (isCode(error, 'key_not_found')) return undefined;
      throw error;
    }
  }

  /**
   * Sends a batch.
   *
   * @param ops the texts of its operations
   * @param isConditional whether one of them demands a version
   * @throws {SimpleKvError}
   */
  async batch(ops: readonly string[], options: WriteOptions, isConditional: boolean): Promise<BatchReceiptJson> {
    const request = { method: 'POST', target: '/batch', body: `{"ops":[${ops.join(',')}]}` } as const;
    return jsonOf<BatchReceiptJson>(await this.send(request, options, isConditional));
  }

  /**
   * Sends a change, which the server recognizes if it is repeated.
   *
   * @param request with its target below the project
   * @param isConditional whether it demands a state that it ends: then it cannot be made twice
   * @throws {SimpleKvError}
   */
  async send(
    request: Pick<HttpRequest, 'method' | 'target' | 'body' | 'headers'>,
    { idempotencyKey = randomKey(), signal, timeoutMs }: WriteOptions, isConditional: boolean,
  ): Promise<HttpAnswer> {
    const answer = await this.#transport.send({
      ...request,
      target: `${this.#path}${request.target}`,
      headers: { 'Idempotency-Key': idempotencyKey, ...request.headers },
      repeatable: 'recognized',
      recognizes: isConditional ? undefined : () => this.#isRecognized(signal),
      signal,
      timeoutMs,
    });
    this.#recognizes ||= IDEMPOTENT_REQUEST.test(answer.headers.get('X-Request-Id') ?? '');
    return answer;
  }

  /** Servers before 0.2 ignore an `Idempotency-Key`. One that honours it says so in the limits, and in the id of the request. */
  async #isRecognized(signal: AbortSignal | undefined): Promise<boolean> {
    if (this.#recognizes) return true;
    try {
      const answer = await this.#transport.send({ target: `${this.#path}/limits`, signal });
      this.#recognizes = jsonOf<Partial<LimitsJson>>(answer).limits?.idempotency !== undefined;
    } catch (error) {
      // Without an answer the next attempt asks again; any other says that it is not known.
      if (!(error instanceof SimpleKvError) || error.isRetryable) throw error;
    }
    return this.#recognizes;
  }
}

/** The text of an operation that sets a value. */
export function setOpText(key: string, text: string, options: ConditionOptions & ExpiryOptions): string {
  return opText('set', key, { ...conditionMembers(options), ...expiryParameters(options) }, checkedJson(text));
}

/**
 * The text of an operation of a batch.
 *
 * @param valueText the JSON of a value
 */
export function opText(op: string, key: string, members: Readonly<Record<string, unknown>>, valueText?: string): string {
  const head = JSON.stringify({ op, key: wellFormed(key), ...members });
  return valueText === undefined ? head : `${head.slice(0, -1)},"value":${valueText}}`;
}

/** A condition as members of an operation. */
export function conditionMembers({ ifSeq, ifEtag }: ConditionOptions): Readonly<Record<string, unknown>> {
  return { if_seq: ifSeq, if_match: ifEtag && strongTag(ifEtag) };
}

/**
 * When a value expires, as parameters and as members of an operation.
 *
 * @throws {RangeError} When the time is none
 */
export function expiryParameters({ ttlMs, expiresAt, keepTtl }: ExpiryOptions): QueryValues {
  return {
    ttl_seconds: ttlMs === undefined ? undefined : Math.ceil(ttlMs / MS_PER_SECOND),
    expires_at: expiresAt?.toISOString(),
    keep_ttl: keepTtl || undefined,
  };
}

/** Whether a change demands a version. */
export function hasCondition({ ifSeq, ifEtag }: ConditionOptions): boolean {
  return ifSeq !== undefined || ifEtag !== undefined;
}

function matchHeader({ ifEtag }: ConditionOptions): NonNullable<HttpRequest['headers']> {
  return { 'If-Match': ifEtag && strongTag(ifEtag) };
}

function keyTarget(key: string, query: QueryValues): string {
  return `/keys/${encodedKey(key)}${queryOf(query)}`;
}

/** Not `crypto.randomUUID`, which pages have only on secure origins. */
function randomKey(): string {
  const bytes = crypto.getRandomValues(new Uint8Array(KEY_BYTES));
  return Array.from(bytes, (byte) => byte.toString(16).padStart(2, '0')).join('');
}

function setReceipt(key: string, { seq, hash = '', durable }: BatchReceiptJson, created: boolean): SetReceipt {
  return { key, seq, hash, etag: `"${seq}-${hash.slice(0, TAG_DIGITS)}"`, created, durable: durable !== false };
}
