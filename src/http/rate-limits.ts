/**
 * The rates of requests that the quotas of a project allow: a token bucket for each caller, and for reads and writes. A project without
 * a rate never comes here.
 *
 * A bucket holds as many tokens as its rate has in a second. A request takes one before anything is read of its body, and a batch takes
 * the rest when its operations are known, which may leave the bucket below zero.
 */
import { LRUCache } from 'lru-cache';
import { AppError } from '../base/app-error.js';
import { type Clock, systemClock } from '../base/clock.js';
import type { RateQuota } from '../store/quota.js';
import { type Exchange, projectIdOf } from './exchange.js';
import { callerOf } from './long-answers.js';

/** Number of buckets that are kept. A caller whose bucket had to go starts with a full one. */
const BUCKETS_MAX = 10_000;
const MS_PER_SECOND = 1000;
/** Buckets count in thousandths of a token: a rate adds so many of them in each millisecond, so that whole milliseconds leave no rest. */
const PARTS_PER_TOKEN = 1000;

/** The quotas that are rates. */
type RateName = keyof RateQuota;

const RATE_NAMES = { read: 'reads_per_second', write: 'writes_per_second' } as const satisfies Record<string, RateName>;

/** The tokens of one caller, in {@link PARTS_PER_TOKEN}. */
interface Bucket {
  parts: number;
  filledMs: number;
}

/** What is needed of a {@link Clock}. */
type MonotonicClock = Pick<Clock, 'monotonicMs'>;

/** What a request draws on: the bucket of its caller. */
export class RateDraw {
  readonly name: RateName;
  /** Tokens a second. */
  readonly limit: number;
  readonly #bucket: Bucket;
  readonly #clock: MonotonicClock;

  constructor(name: RateName, limit: number, bucket: Bucket, clock: MonotonicClock) {
    this.name = name;
    this.limit = limit;
    this.#bucket = bucket;
    this.#clock = clock;
  }

  #refill(): Bucket {
    const nowMs = this.#clock.monotonicMs();
    const bucket = this.#bucket;
    bucket.parts = Math.min(this.limit * PARTS_PER_TOKEN, bucket.parts + (nowMs - bucket.filledMs) * this.limit);
    bucket.filledMs = nowMs;
    return bucket;
  }

  /** Takes a token if there is one; returns false otherwise. */
  take(): boolean {
    const bucket = this.#refill();
    if (bucket.parts < PARTS_PER_TOKEN) return false;
    bucket.parts -= PARTS_PER_TOKEN;
    return true;
  }

  /** Takes tokens whether or not they are there. */
  takeMore(count: number): void {
    this.#refill().parts -= count * PARTS_PER_TOKEN;
  }

  /** Tokens that are there. */
  get remaining(): number {
    return Math.max(0, Math.floor(this.#refill().parts / PARTS_PER_TOKEN));
  }

  /** Whole seconds until there is a token if there is none, and otherwise until the bucket is full: at least 1. */
  get waitSeconds(): number {
    const missing = PARTS_PER_TOKEN - this.#refill().parts;
    return Math.max(1, Math.ceil(missing / this.limit / MS_PER_SECOND));
  }

  /** The headers of draft-ietf-httpapi-ratelimit-headers. Names and values alternate. */
  get headers(): string[] {
    const { name, limit, remaining, waitSeconds } = this;
    return ['RateLimit-Policy', `"${name}";q=${limit};w=1`, 'RateLimit', `"${name}";r=${remaining};t=${waitSeconds}`];
  }
}

/** The buckets of all callers. */
export class RateLimits {
  readonly #clock: MonotonicClock;
  readonly #buckets: LRUCache<string, Bucket>;

  /** @param bucketsMax number of buckets that are kept */
  constructor(clock: MonotonicClock = systemClock, bucketsMax = BUCKETS_MAX) {
    this.#clock = clock;
    this.#buckets = new LRUCache({ max: bucketsMax });
  }

  /**
   * Takes a token for a request if its route draws on a rate that the project has.
   *
   * @throws {AppError} `rate_limited`
   */
  take(exchange: Exchange, rates: RateQuota): void {
    const rate = exchange.route?.rate ?? null;
    if (rate === null) return;
    const name = RATE_NAMES[rate];
    const limit = rates[name];
    if (limit === null) return;
    const draw = this.draw(`${name} ${projectIdOf(exchange)} ${callerOf(exchange)}`, name, limit);
    exchange.rate = draw;
    if (draw.take()) return;
    const seconds = draw.waitSeconds;
    const message = `Too many requests: the limit of this project is ${limit} ${rate}s a second for each caller; retry in ${seconds} s`;
    throw new AppError('rate_limited', message, { facts: { quota: name, limit, retry_after_seconds: seconds } });
  }

  /** Returns what draws on the bucket with a key. A new bucket is full. */
  draw(key: string, name: RateName, limit: number): RateDraw {
    let bucket = this.#buckets.get(key);
    if (bucket === undefined) {
      bucket = { parts: limit * PARTS_PER_TOKEN, filledMs: this.#clock.monotonicMs() };
      this.#buckets.set(key, bucket);
    }
    return new RateDraw(name, limit, bucket, this.#clock);
  }
}
