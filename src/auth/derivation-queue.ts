/**
 * The expensive part of recognising a chosen key, rationed: one derivation at a time, none twice at once, and in the order that
 * `derivation-line.ts` gives.
 *
 * Without this, a handful of callers with made-up keys would keep every core and 32 MiB each busy, and writes would wait
 * behind them. Callers wait instead of being refused at once: a refusal leaves it to chance who finds a free place, and a flood
 * finds it. Knows nothing of which keys are good.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import { AppError } from '../base/app-error.js';
import { type Clock, systemClock } from '../base/clock.js';
import { DerivationLine, type Turn } from './derivation-line.js';
import { hashChosen } from './key-hash.js';

/** How many derivations may wait behind the one that runs. A connection waits for one at most, and they are a quarter of all. */
export const DERIVATION_QUEUE_MAX = 1024;

/** How long a caller waits, in milliseconds; shorter than a connection on which nothing moves may stay open. */
export const DERIVATION_WAIT_MS = 60_000;

/** Turns a presented key into the text that would be stored for it. */
export type DeriveKey = (key: string, salt: string) => Promise<string>;

/** How a {@link DerivationQueue} works. */
export interface DerivationQueueOptions {
  /** How many derivations may wait behind the one that runs. @default 1024 */
  readonly queueMax?: number;
  /** How long a caller waits, in milliseconds. @default 60_000 */
  readonly waitMs?: number;
  /** What derives. @default hashChosen */
  readonly derive?: DeriveKey;
  /** Tells whether what was derived opens anything. @default never */
  readonly opens?: (derived: string) => boolean;
  /** Draws one of so many that wait, from 0. @default a random one */
  readonly draw?: (count: number) => number;
  /** Lets time pass, in milliseconds. @default the machine's timer */
  readonly rest?: (durationMs: number) => Promise<unknown>;
  /** @default the machine's own clocks */
  readonly clock?: Clock;
}

/** One wish for a derivation. */
export interface DerivationRequest extends Turn {
  /** The presented key. */
  readonly key: string;
  /** SHA-256 of the key in hexadecimal digits: what two equal wishes have in common. */
  readonly digest: string;
  /** 22 characters of base64url. */
  readonly salt: string;
  /** Calls back when the caller has left; absent: never. */
  readonly onGone?: (leave: () => void) => void;
}

/** A caller that waits for the outcome of a derivation. */
interface Waiter {
  readonly resolve: (derived: string) => void;
  readonly reject: (error: unknown) => void;
  readonly timer: NodeJS.Timeout;
}

/** A derivation that is wanted or runs, for all who present the same key. */
interface Wanted extends Turn {
  readonly name: string;
  readonly key: string;
  readonly salt: string;
  readonly waiters: Set<Waiter>;
}

/** One derivation at a time. */
export class DerivationQueue {
  readonly #line: DerivationLine<Wanted>;
  readonly #waitMs: number;
  readonly #derive: DeriveKey;
  readonly #opens: (derived: string) => boolean;
  readonly #rest: (durationMs: number) => Promise<unknown>;
  readonly #clock: Clock;
  /** By salt and digest: what waits in the line, and what runs. */
  readonly #wanted = new Map<string, Wanted>();
  #running: Wanted | undefined;
  /** True from the beginning of a derivation to the end of the rest after it. */
  #isBusy = false;

  /** @param options length of the queue, and what derives */
  constructor(options: DerivationQueueOptions = {}) {
    this.#line = new DerivationLine(options.queueMax ?? DERIVATION_QUEUE_MAX, options.draw);
    this.#waitMs = options.waitMs ?? DERIVATION_WAIT_MS;
    this.#derive = options.derive ?? hashChosen;
    this.#opens = options.opens ?? (() => false);
    this.#rest = options.rest ?? ((durationMs) => sleep(durationMs));
    this.#clock = options.clock ?? systemClock;
  }

  /**
   * Derives, or joins the derivation of the same key that is already wanted: a client that opens fifty connections
   * with one key costs one derivation.
   *
   * @throws {AppError} `too_many_failed_keys` when the line is full and the caller's address has the most places in it, when the caller
   *   has waited too long, and when it has left
   */
  async derive(request: DerivationRequest): Promise<string> {
    const name = `${request.salt}:${request.digest}`;
    const wanted = this.#wanted.get(name) ?? this.#enter(name, request);
    const outcome = this.#wait(wanted, request.onGone);
    this.#serve();
    return outcome;
  }

  #enter(name: string, { key, salt, scope, address }: DerivationRequest): Wanted {
    const wanted: Wanted = { name, key, salt, scope, address, waiters: new Set() };
    const leaving = this.#line.add(wanted);
    if (leaving === wanted) throw tooMany();
    this.#wanted.set(name, wanted);
    if (leaving !== undefined) this.#end(leaving, (waiter) => waiter.reject(tooMany()));
    return wanted;
  }

  #wait(wanted: Wanted, onGone: DerivationRequest['onGone']): Promise<string> {
    return new Promise((resolve, reject) => {
      const leave = (): void => this.#leave(wanted, waiter);
      const waiter: Waiter = { resolve, reject, timer: setTimeout(leave, this.#waitMs).unref() };
      wanted.waiters.add(waiter);
      onGone?.(leave);
    });
  }

  /** A derivation that runs goes on without those who asked for it: its outcome is remembered. */
  #leave(wanted: Wanted, waiter: Waiter): void {
    if (!wanted.waiters.delete(waiter)) return;
    clearTimeout(waiter.timer);
    waiter.reject(tooMany());
    if (wanted.waiters.size > 0 || wanted === this.#running) return;
    this.#line.remove(wanted);
    this.#wanted.delete(wanted.name);
  }

  #serve(): void {
    if (this.#isBusy) return;
    this.#running = this.#line.next();
    if (this.#running !== undefined) void this.#run(this.#running);
  }

  /** Never rejects: a failed derivation is the waiters' failure. */
  async #run(wanted: Wanted): Promise<void> {
    this.#isBusy = true;
    const startedMs = this.#clock.monotonicMs();
    let isGood = false;
    try {
      const derived = await this.#derive(wanted.key, wanted.salt);
      isGood = this.#opens(derived);
      this.#end(wanted, (waiter) => waiter.resolve(derived));
    } catch (error) {
      this.#end(wanted, (waiter) => waiter.reject(error));
    }
    this.#running = undefined;
    // Made-up keys get half of one core and no more, however many there are.
    if (!isGood) await this.#rest(this.#clock.monotonicMs() - startedMs);
    this.#isBusy = false;
    this.#serve();
  }

  #end({ name, waiters }: Wanted, settle: (waiter: Waiter) => void): void {
    this.#wanted.delete(name);
    for (const waiter of waiters) {
      clearTimeout(waiter.timer);
      settle(waiter);
    }
    waiters.clear();
  }
}

function tooMany(): AppError {
  return new AppError('too_many_failed_keys', 'Cannot check this API key now: too many unknown keys wait to be checked; send it again');
}
