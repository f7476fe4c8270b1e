/**
 * What a client and its methods can be given, and what they do without it.
 */

/** How failed requests are sent again: at most so often, after a random time that grows up to a limit. */
export interface RetryOptions {
  /** How often a request is sent in all. @default 4 */
  readonly attempts?: number;
  /** Upper bound of the first random wait, in milliseconds; it doubles each time. @default 50 */
  readonly minMs?: number;
  /** Upper bound of every random wait, in milliseconds. @default 2_000 */
  readonly maxMs?: number;
}

/** Where the server is, and how to talk to it. */
export interface ConnectionOptions {
  /** Where the server answers, such as `http://127.0.0.1:23849`; a path stands in front of `/api/v1`. */
  readonly url: string;
  /** The API key, or a function that is asked for it before each request. Without one, only open scopes answer. */
  readonly key?: string | (() => string | Promise<string>);
  /** Sends requests in place of the `fetch` of the platform. */
  readonly fetch?: typeof fetch;
  /** Milliseconds after which an attempt without a complete answer has failed. @default 10_000 */
  readonly timeoutMs?: number;
  /** How failed requests are sent again; false: they are not. */
  readonly retry?: RetryOptions | false;
  /** Sent with every request. */
  readonly headers?: Readonly<Record<string, string>>;
}

/** The project of a client, and how its values become JavaScript. */
export interface SimpleKvOptions extends ConnectionOptions {
  /** The id of the project. */
  readonly project: string;
  /** Makes a value of its JSON. @default JSON.parse */
  readonly parse?: (text: string) => unknown;
  /** Makes the JSON of a value; undefined if it has none. @default JSON.stringify */
  readonly stringify?: (value: unknown) => string | undefined;
}

/** What every method takes. */
export interface CallOptions {
  /** Ends the call, which then rejects with the reason of the signal. */
  readonly signal?: AbortSignal | undefined;
  /** In place of {@link ConnectionOptions.timeoutMs}. */
  readonly timeoutMs?: number | undefined;
}

/** A moment in the log of a project: the state after the line of this seq, or before the first line that is later than this time. */
export type ReadMoment = number | Date;

/** Which keys. */
export interface RangeOptions {
  /** Only keys that start with it. */
  readonly prefix?: string | undefined;
  /** Only keys from this one on, inclusive. */
  readonly start?: string | undefined;
  /** Only keys before this one, exclusive. */
  readonly end?: string | undefined;
}

/** How keys or entries are listed. */
export interface ListOptions extends RangeOptions, CallOptions {
  /** Last key first. @default false */
  readonly reverse?: boolean | undefined;
  /** How many are asked for at a time, 1 to 10,000. @default 1_000 for keys, 200 for entries */
  readonly pageSize?: number | undefined;
}

/** The version that a key must have for a change to be made; at most one of them. */
export interface ConditionOptions {
  /** The seq of the version; 0: the key must not exist. */
  readonly ifSeq?: number | undefined;
  /** The ETag of the version, with its quotes. */
  readonly ifEtag?: string | undefined;
}

/** When a value expires; at most one of them, and without one it never does. */
export interface ExpiryOptions {
  /** After so many milliseconds, rounded up to whole seconds. */
  readonly ttlMs?: number | undefined;
  /** At this time, which must be in the future. */
  readonly expiresAt?: Date | undefined;
  /** When the value before it would have expired. */
  readonly keepTtl?: boolean | undefined;
}

/** What a change of data takes. */
export interface WriteOptions extends CallOptions {
  /** Names the change, so that it takes effect once however often it is sent. @default a random one for each call */
  readonly idempotencyKey?: string | undefined;
}

/** How a value is set. */
export interface SetOptions extends ConditionOptions, ExpiryOptions, WriteOptions {}

/** How a key is deleted. */
export interface DeleteOptions extends ConditionOptions, WriteOptions {}

/** How a value is computed from the one before it. */
export interface UpdateOptions extends ExpiryOptions, CallOptions {
  /** How often it is tried while others change the key. @default 10 */
  readonly attempts?: number;
}

/** How many keys are deleted at once. */
export interface DeleteManyOptions extends WriteOptions {
  /** Only if there are exactly so many keys to delete. */
  readonly expectCount?: number | undefined;
  /** Deletes nothing, and counts what would be deleted. @default false */
  readonly dryRun?: boolean | undefined;
}
