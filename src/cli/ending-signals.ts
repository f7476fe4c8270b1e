/**
 * Signals that ask the process to end, and when a further one means that the wait has become too long.
 *
 * One Ctrl-C often arrives more than once: the terminal sends it to every process of the foreground group, and `npm` and `timeout`
 * pass on what they get. So a signal that follows closely on the first one is taken for the same request.
 */

/** How long after the first signal a further one is taken for the same request, in milliseconds. */
export const SAME_REQUEST_MS = 1000;

/** What becomes of the signals. */
export interface SignalHandlers {
  /** The request to end. */
  first(name: NodeJS.Signals): void;
  /** A request to end at once: a signal that came later than {@link SAME_REQUEST_MS} after the first. */
  again(name: NodeJS.Signals): void;
}

/**
 * Listens to signals.
 *
 * @param names which signals; any of them may be the first, and any the further one
 */
export function onEndingSignals(names: readonly NodeJS.Signals[], handlers: SignalHandlers): () => void {
  let isAsked = false;
  let isOver = false;
  let timer: NodeJS.Timeout | undefined;
  const listener = (name: NodeJS.Signals): void => {
    if (isOver) handlers.again(name);
    if (isAsked) return;
    isAsked = true;
    // A signal that came while the event loop was held up is handed out between the timer and the immediate: it is not late.
    timer = setTimeout(() => setImmediate(() => void (isOver = true)), SAME_REQUEST_MS);
    timer.unref();
    handlers.first(name);
  };
  for (const name of names) process.on(name, listener);
  return () => {
    clearTimeout(timer);
    for (const name of names) process.removeListener(name, listener);
  };
}
