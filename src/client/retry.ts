/**
 * When a failed request is sent again, and after how long: a random time below a bound that doubles (full jitter), so that clients that
 * failed together do not come back together. What the server asks to wait comes first.
 */
import type { RetryOptions } from './options.js';
import type { SimpleKvError } from './error.js';

/**
 * What repeating a change could do. `recognized`: nothing, as long as the server remembers its `Idempotency-Key`. `unsafe`: it could be
 * made twice, so it is repeated only if it surely was not made.
 */
export type Repeatable = 'recognized' | 'unsafe';

/** All of {@link RetryOptions}. */
export type RetryPolicy = Required<RetryOptions>;

/** A request is repeated for so long after its first attempt. */
const WINDOW_MS = 60_000;

const DEFAULTS: RetryPolicy = { attempts: 4, minMs: 50, maxMs: 2000 };

/** Fills in what the options leave out. */
export function retryPolicy(options: RetryOptions | false = {}): RetryPolicy {
  return options === false ? { ...DEFAULTS, attempts: 1 } : { ...DEFAULTS, ...options };
}

/** How often a request was sent, and for how long. */
interface RetryProgress {
  readonly attempt: number;
  /** Since the first attempt began. */
  readonly elapsedMs: number;
}

/**
 * How long to wait after a failure, in milliseconds, or undefined to give up.
 *
 * @param error why the last attempt failed
 */
export function waitBeforeRetry(policy: RetryPolicy, error: SimpleKvError, { attempt, elapsedMs }: RetryProgress): number | undefined {
  if (!error.isRetryable || attempt >= policy.attempts) return undefined;
  const waitMs = (error.retryAfterMs ?? 0) + jitterMs(policy, attempt);
  return elapsedMs + waitMs <= WINDOW_MS ? waitMs : undefined;
}

/**
 * A random wait.
 *
 * @param attempt 1 for the first
 */
export function jitterMs({ minMs, maxMs }: Pick<RetryPolicy, 'minMs' | 'maxMs'>, attempt: number): number {
  return Math.random() * Math.min(maxMs, minMs * 2 ** (attempt - 1));
}

/**
 * Waits for so long.
 *
 * @throws The reason of the signal, as soon as it is aborted
 */
export async function wait(durationMs: number, signal?: AbortSignal): Promise<void> {
  signal?.throwIfAborted();
  await new Promise<void>((resolve, reject) => {
    const stop = (): void => {
      clearTimeout(timer);
      reject(signal?.reason as Error);
    };
    const timer = setTimeout(() => {
      signal?.removeEventListener('abort', stop);
      resolve();
    }, durationMs);
    signal?.addEventListener('abort', stop, { once: true });
  });
}
