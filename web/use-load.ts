/**
 * Loads what a view shows, again when what it depends on changes, and forgets answers that come too late.
 */
import { useCallback, useEffect, useState } from 'preact/hooks';
import { isAbort } from './failures.js';
import { endsSession } from './notices.js';

/** What was loaded so far. */
export interface Loaded<T> {
  /** Undefined until it is there; during another load, what was there before. */
  readonly data: T | undefined;
  readonly error: unknown;
  readonly isLoading: boolean;
  readonly reload: () => void;
}

/**
 * Loads when the view appears and when a dependency changes.
 *
 * @param load what to do; the signal ends it
 * @param dependencies as of an effect
 */
export function useLoad<T>(load: (signal: AbortSignal) => Promise<T>, dependencies: readonly unknown[]): Loaded<T> {
  const [state, setState] = useState<Omit<Loaded<T>, 'reload'>>({ data: undefined, error: undefined, isLoading: true });
  const [round, setRound] = useState(0);
  useEffect(() => {
    const controller = new AbortController();
    setState((before) => ({ ...before, isLoading: true }));
    load(controller.signal).then(
      (data) => {
        if (!controller.signal.aborted) setState({ data, error: undefined, isLoading: false });
      },
      (error: unknown) => {
        if (controller.signal.aborted || isAbort(error) || endsSession(error)) return;
        setState({ data: undefined, error, isLoading: false });
      },
    );
    return () => controller.abort();
  }, [...dependencies, round]);
  const reload = useCallback(() => setRound((before) => before + 1), []);
  return { ...state, reload };
}
