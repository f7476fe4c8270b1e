/**
 * The expensive part of recognising a chosen key, rationed: one derivation at a time, few waiting, none twice at once.
 *
 * Without this, a handful of callers with made-up keys would keep every core and 32 MiB each busy, and writes would wait
 * behind them. Knows nothing of which keys are good.
 */
import pLimit, { type LimitFunction } from 'p-limit';
import { AppError } from '../base/app-error.js';
import { type Clock, systemClock } from '../base/clock.js';
import { hashChosen } from './key-hash.js';

/** How many derivations may wait behind the one that runs. */
export const DERIVATION_QUEUE_MAX = 16;

/**
 * How long the callers whose address failed often get no derivation after one of theirs, in milliseconds. Without a rest they
 * would keep one core busy for as long as they go on.
 */
export const THROTTLED_REST_MS = 2000;

/** Turns a presented key into the text that would be stored for it. */
export type DeriveKey = (key: string, salt: string) => Promise<string>;

/** How a {@link DerivationQueue} works. */
export interface DerivationQueueOptions {
  /** How many derivations may wait behind the one that runs. @default 16 */
  readonly queueMax?: number;
  /** What derives. @default hashChosen */
  readonly derive?: DeriveKey;
  /** @default the machine's own clocks */
  readonly clock?: Clock;
}

/** One wish for a derivation. */
export interface DerivationRequest {
  /** The presented key. */
  readonly key: string;
  /** SHA-256 of the key in hexadecimal digits: what two equal wishes have in common. */
  readonly digest: string;
  /** 22 characters of base64url. */
  readonly salt: string;
  /** True for a caller whose address failed often: it is served only when nobody else is, and seldom. */
  readonly throttled: boolean;
}

/** One derivation at a time. */
export class DerivationQueue {
  readonly #limit: LimitFunction = pLimit(1);
  readonly #queueMax: number;
  readonly #derive: DeriveKey;
  readonly #clock: Clock;
  #throttledNotBeforeMs = Number.NEGATIVE_INFINITY;
  /** By salt and digest; each entry leaves when its derivation ends, so there are at most `queueMax` + 1. */
  readonly #underWay = new Map<string, Promise<string>>();

  /** @param options length of the queue, and what derives */
  constructor(options: DerivationQueueOptions = {}) {
    this.#queueMax = options.queueMax ?? DERIVATION_QUEUE_MAX;
    this.#derive = options.derive ?? hashChosen;
    this.#clock = options.clock ?? systemClock;
  }

  /**
   * Derives, or joins the derivation of the same key that is already under way: a client that opens fifty connections
   * with one key costs one derivation.
   *
   * @param request the key and who presents it
   * @returns the text that would be stored for the key
   * @throws {AppError} `too_many_failed_keys` when the queue is full, or when a throttled caller would have to wait or rest
   */
  async derive(request: DerivationRequest): Promise<string> {
    const name = `${request.salt}:${request.digest}`;
    const underWay = this.#underWay.get(name);
    if (underWay !== undefined) return underWay;
    if (!this.#hasRoomFor(request)) {
      throw new AppError('too_many_failed_keys', 'Cannot check this key of access now: too many unknown keys wait to be checked');
    }
    const derivation = this.#limit(() => this.#derive(request.key, request.salt)).finally(() => {
      this.#underWay.delete(name);
      if (request.throttled) this.#throttledNotBeforeMs = this.#clock.monotonicMs() + THROTTLED_REST_MS;
    });
    this.#underWay.set(name, derivation);
    return derivation;
  }

  #hasRoomFor({ throttled }: DerivationRequest): boolean {
    if (!throttled) return this.#underWay.size <= this.#queueMax;
    return this.#underWay.size === 0 && this.#clock.monotonicMs() >= this.#throttledNotBeforeMs;
  }
}
