/**
 * A batch: changes of several keys that are made together or not at all.
 */
import type { BatchResultJson } from '../api/types.js';
import { type Changes, conditionMembers, expiryParameters, hasCondition, opText, setOpText } from './changes.js';
import { textOfValue, type ValueFormat } from './json-texts.js';
import type { ConditionOptions, ExpiryOptions, WriteOptions } from './options.js';

/** A version that a key must have before the batch: exactly one of them. */
export interface CheckOptions {
  /** The seq of the version; 0: the key must not exist. */
  readonly seq?: number;
  /** The ETag of the version. */
  readonly etag?: string;
}

/** How an operation changes a key that may not exist. */
export interface ExistingOptions extends ConditionOptions {
  /** The batch fails if the key does not exist before it. @default false */
  readonly ifExists?: boolean;
}

/** What a batch did. */
export interface BatchReceipt {
  /** The version of all keys that it changed; if it changed none, the newest seq of the project. */
  readonly seq: number;
  /** Undefined if it changed nothing. */
  readonly hash: string | undefined;
  /** False if the changes may not be on disk yet. */
  readonly durable: boolean;
  /** The result of each operation, in their order; undefined if the batch was sent again and the server knew it. */
  readonly results: readonly BatchResultJson[] | undefined;
}

/** Collects operations and sends them at once. Conditions are about the state before the batch. */
export class Batch {
  readonly #changes: Changes;
  readonly #format: ValueFormat;
  readonly #ops: string[] = [];
  #isConditional = false;

  constructor(changes: Changes, format: ValueFormat) {
    this.#changes = changes;
    this.#format = format;
  }

  /** How many operations there are. A server takes 1,000 by default. */
  get size(): number {
    return this.#ops.length;
  }

  /** Fails the batch unless a key has this version. */
  check(key: string, { seq, etag }: CheckOptions): this {
    const condition = { ifSeq: seq, ifEtag: etag };
    return this.#add(opText('check', key, conditionMembers(condition)), condition);
  }

  /** Sets a value. */
  set(key: string, value: unknown, options: ConditionOptions & ExpiryOptions = {}): this {
    return this.setText(key, textOfValue(this.#format, value), options);
  }

  /** Sets a value to a JSON text, which is stored token for token. */
  setText(key: string, text: string, options: ConditionOptions & ExpiryOptions = {}): this {
    return this.#add(setOpText(key, text, options), options);
  }

  /** Deletes a key, if it exists. */
  delete(key: string, options: ExistingOptions = {}): this {
    return this.#add(opText('delete', key, existingMembers(options)), options);
  }

  /** Sets when an existing value expires, without sending it; without a time, it never does. */
  touch(key: string, options: ExistingOptions & Pick<ExpiryOptions, 'ttlMs' | 'expiresAt'> = {}): this {
    const { ttlMs, expiresAt } = options;
    const expiry = ttlMs === undefined && expiresAt === undefined ? { expires_at: null } : expiryParameters({ ttlMs, expiresAt });
    return this.#add(opText('touch', key, { ...existingMembers(options), ...expiry }), options);
  }

  /**
   * Sends the batch.
   *
   * @throws {SimpleKvError} `precondition_failed` when a condition does not hold: then nothing is changed
   */
  async commit(options: WriteOptions = {}): Promise<BatchReceipt> {
    const { seq, hash, durable, results } = await this.#changes.batch(this.#ops, options, this.#isConditional);
    return { seq, hash, durable: durable !== false, results };
  }

  #add(op: string, options: ConditionOptions): this {
    this.#ops.push(op);
    this.#isConditional ||= hasCondition(options);
    return this;
  }
}

function existingMembers({ ifExists, ...condition }: ExistingOptions): Readonly<Record<string, unknown>> {
  return { ...conditionMembers(condition), if_exists: ifExists };
}
