/**
 * A signal of its own for what an operation starts: it is aborted with that of the caller, or by the operation.
 */

/** A controller that follows a signal. */
interface LinkedSignal {
  readonly signal: AbortSignal;
  /** Aborts; the signal of the caller is not followed any more. */
  readonly abort: () => void;
}

/**
 * Makes a signal that follows another one.
 *
 * @throws The reason of the other, if it is aborted already
 */
export function linkedSignal(signal: AbortSignal | undefined): LinkedSignal {
  signal?.throwIfAborted();
  const controller = new AbortController();
  const follow = (): void => controller.abort(signal?.reason);
  signal?.addEventListener('abort', follow);
  const abort = (): void => {
    signal?.removeEventListener('abort', follow);
    controller.abort();
  };
  return { signal: controller.signal, abort };
}
