/**
 * Signals that ask the process to end: the first one asks, a later one insists.
 *
 * One Ctrl-C often arrives more than once: the terminal sends it to every process of the foreground group, and `npm` and `timeout`
 * forward it. A signal shortly after the first one therefore counts as the same request.
 */

/** How long after the first signal another one counts as the same request, in milliseconds. */
export const SAME_REQUEST_MS = 1000;

/** Reactions to the signals. */
interface SignalHandlers {
  /** Asked to end. */
  first(name: NodeJS.Signals): void;
  /** Asked to end at once, by a signal more than {@link SAME_REQUEST_MS} after the first. */
  again(name: NodeJS.Signals): void;
}

/**
 * Listens to signals.
 *
 * @param names the signals; any of them may be the first and any the later one
 * @returns a function that stops listening
 */
export function onEndingSignals(names: readonly NodeJS.Signals[], handlers: SignalHandlers): () => void {
  let isAsked = false;
  let isOver = false;
  let timer: NodeJS.Timeout | undefined;
  const listener = (name: NodeJS.Signals): void => {
    if (isOver) handlers.again(name);
    if (isAsked) return;
    isAsked = true;
    // A signal that arrived while the event loop was blocked is delivered between the timer and the immediate: it is not late.
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
