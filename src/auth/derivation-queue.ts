/**
 * Rations scrypt, the expensive part of recognising a typed key: one derivation at a time, each key derived once however many callers
 * present it, in the order of `fair-queue.ts`.
 *
 * Otherwise a few callers with made-up keys would keep every core busy, at 32 MiB each, and delay all writes. Callers wait instead of
 * being refused at once: with refusals it is chance who finds a free slot, and a flood always finds it.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import { AppError } from '../base/app-error.js';
import { type Clock, systemClock } from '../base/clock.js';
import { FairQueue, type Queued } from './fair-queue.js';
import { hashTyped } from './key-hash.js';

/** Derivations that may wait behind the running one. A connection waits for at most one, so by default a quarter of them can. */
export const DERIVATION_QUEUE_MAX = 1024;

/** How long a caller waits, in milliseconds; shorter than the idle timeout of its connection. */
const DERIVATION_WAIT_MS = 60_000;

/** Options of a {@link DerivationQueue}. */
export interface DerivationQueueOptions {
  /** Derivations that may wait behind the running one. @default 1024 */
  readonly queueMax?: number;
  /** How long a caller waits, in milliseconds. @default 60_000 */
  readonly waitMs?: number;
  /** Returns the stored form of a presented key. @default hashTyped */
  readonly derive?: (key: string, salt: string) => Promise<string>;
  /** Tells whether a derived hash is that of a current key. @default never */
  readonly opens?: (derived: string) => boolean;
  /** Draws a number from 0 up to, not including, `count`. @default at random */
  readonly draw?: (count: number) => number;
  /** Waits, in milliseconds. @default a timer */
  readonly rest?: (durationMs: number) => Promise<unknown>;
  /** @default the system clock */
  readonly clock?: Clock;
}

/** A request for a derivation. */
export interface DerivationRequest extends Queued {
  /** The presented key. */
  readonly key: string;
  /** SHA-256 of the key in hexadecimal digits: identifies requests for the same key. */
  readonly digest: string;
  /** 22 characters of base64url. */
  readonly salt: string;
  /** Registers a callback for when the caller disconnects; absent: it never does. */
  readonly onGone?: (leave: () => void) => void;
}

/** A caller that waits for a derivation. */
interface Waiter {
  readonly resolve: (derived: string) => void;
  readonly reject: (error: unknown) => void;
  readonly timer: NodeJS.Timeout;
}

/** A queued or running derivation, shared by all callers that present the same key. */
interface Derivation extends Queued {
  readonly name: string;
  readonly key: string;
  readonly salt: string;
  readonly waiters: Set<Waiter>;
}

/** Runs one derivation at a time. */
export class DerivationQueue {
  readonly #queue: FairQueue<Derivation>;
  readonly #waitMs: number;
  readonly #derive: (key: string, salt: string) => Promise<string>;
  readonly #opens: (derived: string) => boolean;
  readonly #rest: (durationMs: number) => Promise<unknown>;
  readonly #clock: Clock;
  /** Queued and running derivations by salt and digest. */
  readonly #pending = new Map<string, Derivation>();
  #running: Derivation | undefined;
  /** True from the start of a derivation to the end of the rest after it. */
  #isBusy = false;

  constructor(options: DerivationQueueOptions = {}) {
    this.#queue = new FairQueue(options.queueMax ?? DERIVATION_QUEUE_MAX, options.draw);
    this.#waitMs = options.waitMs ?? DERIVATION_WAIT_MS;
    this.#derive = options.derive ?? hashTyped;
    this.#opens = options.opens ?? (() => false);
    this.#rest = options.rest ?? ((durationMs) => sleep(durationMs));
    this.#clock = options.clock ?? systemClock;
  }

  /**
   * Derives, or joins the pending derivation of the same key: a client that opens fifty connections with one key costs one derivation.
   *
   * @throws {AppError} `too_many_failed_keys` if the queue is full and the caller's address has the most entries, after the longest
   *   wait, and when the caller disconnects
   */
  async derive(request: DerivationRequest): Promise<string> {
    const name = `${request.salt}:${request.digest}`;
    const derivation = this.#pending.get(name) ?? this.#enqueue(name, request);
    const outcome = this.#wait(derivation, request.onGone);
    this.#runNext();
    return outcome;
  }

  #enqueue(name: string, { key, salt, scope, address }: DerivationRequest): Derivation {
    const derivation: Derivation = { name, key, salt, scope, address, waiters: new Set() };
    const evicted = this.#queue.add(derivation);
    if (evicted === derivation) throw tooMany();
    this.#pending.set(name, derivation);
    if (evicted !== undefined) this.#settle(evicted, (waiter) => waiter.reject(tooMany()));
    return derivation;
  }

  #wait(derivation: Derivation, onGone: DerivationRequest['onGone']): Promise<string> {
    return new Promise((resolve, reject) => {
      const leave = (): void => this.#leave(derivation, waiter);
      const waiter: Waiter = { resolve, reject, timer: setTimeout(leave, this.#waitMs).unref() };
      derivation.waiters.add(waiter);
      onGone?.(leave);
    });
  }

  /** A running derivation continues without its callers: its result is remembered. */
  #leave(derivation: Derivation, waiter: Waiter): void {
    if (!derivation.waiters.delete(waiter)) return;
    clearTimeout(waiter.timer);
    waiter.reject(tooMany());
    if (derivation.waiters.size > 0 || derivation === this.#running) return;
    this.#queue.remove(derivation);
    this.#pending.delete(derivation.name);
  }

  #runNext(): void {
    if (this.#isBusy) return;
    this.#running = this.#queue.next();
    if (this.#running !== undefined) void this.#run(this.#running);
  }

  /** Never rejects: a failed derivation rejects its waiters. */
  async #run(derivation: Derivation): Promise<void> {
    this.#isBusy = true;
    const startedMs = this.#clock.monotonicMs();
    let isKnown = false;
    try {
      const derived = await this.#derive(derivation.key, derivation.salt);
      isKnown = this.#opens(derived);
      this.#settle(derivation, (waiter) => waiter.resolve(derived));
    } catch (error) {
      this.#settle(derivation, (waiter) => waiter.reject(error));
    }
    this.#running = undefined;
    // Made-up keys get at most half of one core, however many there are.
    if (!isKnown) await this.#rest(this.#clock.monotonicMs() - startedMs);
    this.#isBusy = false;
    this.#runNext();
  }

  #settle({ name, waiters }: Derivation, settle: (waiter: Waiter) => void): void {
    this.#pending.delete(name);
    for (const waiter of waiters) {
      clearTimeout(waiter.timer);
      settle(waiter);
    }
    waiters.clear();
  }
}

function tooMany(): AppError {
  return new AppError('too_many_failed_keys', 'Cannot check this API key now: too many unknown keys are waiting to be checked; retry');
}
