/**
 * Iterates over pages. While the items of one page are taken, the next is on its way, and never more than that: a program that takes its
 * time holds the server up, not its memory. A `break` ends the request for the next page.
 */
import { linkedSignal } from './linked-signal.js';

/** One page. */
export interface Page<T> {
  readonly items: readonly T[];
  /** The query of the next page; undefined on the last. */
  readonly next: string | undefined;
}

/**
 * Yields the items of all pages.
 *
 * @param load fetches a page: the first without a query
 * @param signal ends it
 * @throws The reason of the signal, and what `load` rejects with
 */
export async function* itemsOfPages<T>(
  load: (query: string | undefined, signal: AbortSignal) => Promise<Page<T>>, signal?: AbortSignal,
): AsyncGenerator<T, void, undefined> {
  const own = linkedSignal(signal);
  try {
    for (let ahead: Promise<Page<T>> | undefined = load(undefined, own.signal); ahead !== undefined;) {
      const { items, next }: Page<T> = await ahead;
      ahead = next === undefined ? undefined : load(next, own.signal);
      // Awaited when its turn comes, which after a break is never.
      ahead?.catch(() => undefined);
      for (const item of items) {
        signal?.throwIfAborted();
        yield item;
      }
    }
  } finally {
    own.abort();
  }
}
