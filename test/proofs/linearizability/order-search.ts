/**
 * Judges a history by searching for an order that explains it, after Wing and Gong with Lowe's memory of what was tried. It looks at
 * values and times and at nothing that the server says of its order: no seqs, no log. Keys are independent of each other here, so each
 * is searched alone.
 */
import type { Operation } from './history.js';

/** Longest search of a history, in milliseconds. A search that was given up has shown nothing, which counts as a failure. */
export const SEARCH_LIMIT_MS = 10_000;

/** Steps between two looks at the clock. */
const STEPS_PER_LOOK = 1024;

/** What a search came to. */
export type SearchVerdict =
  | { readonly kind: 'explained' }
  /** No order explains the operations of this key. */
  | { readonly kind: 'impossible'; readonly key: string }
  | { readonly kind: 'given up'; readonly key: string };

/** How far a search has come. */
interface Progress {
  /** All operations before this index are placed. */
  readonly first: number;
  /** Indexes after `first` that are placed too. */
  readonly ahead: ReadonlySet<number>;
  /** Answered operations that are not placed yet. */
  readonly left: number;
  /** The key's value, null while it is absent. */
  readonly value: string | null;
}

class SearchGivenUp extends Error {}

/**
 * What an operation makes of a value, if it can happen at it with the outcome that it had.
 *
 * @param operation what was asked and answered
 * @param value the key's value before
 * @returns the value after; undefined when it cannot happen here
 */
function after(operation: Operation, value: string | null): string | null | undefined {
  const { kind, condition, outcome } = operation;
  const isMet = condition === null || value === (condition.kind === 'absent' ? null : condition.value);
  switch (outcome.kind) {
    case 'found':
      return value !== null && (outcome.value === null || outcome.value === value) ? value : undefined;
    case 'absent':
      return value === null ? value : undefined;
    case 'refused':
      return isMet ? undefined : value;
    case 'rejected':
      return value;
    case 'unknown':
    case 'written':
      if (!isMet || (kind === 'delete' && value === null)) return undefined;
      if (kind === 'put' && outcome.kind === 'written' && outcome.created !== (value === null)) return undefined;
      return operation.value;
  }
}

/** Changes nothing wherever it can happen. */
function isPure({ outcome: { kind } }: Operation): boolean {
  return kind === 'found' || kind === 'absent' || kind === 'refused' || kind === 'rejected';
}

/** The search for one key. */
class KeySearch {
  readonly #operations: readonly Operation[];
  readonly #deadlineMs: number;
  readonly #tried = new Set<string>();
  #steps = 0;

  constructor(operations: readonly Operation[], deadlineMs: number) {
    this.#operations = operations.toSorted((a, b) => a.begin - b.begin);
    this.#deadlineMs = deadlineMs;
  }

  /** Whether there is an order that explains all of them. */
  run(): boolean {
    const left = this.#operations.filter(({ outcome }) => outcome.kind !== 'unknown').length;
    return this.#explain({ first: 0, ahead: new Set(), left, value: null });
  }

  #explain(start: Progress): boolean {
    this.#steps += 1;
    if (this.#steps % STEPS_PER_LOOK === 0 && Date.now() > this.#deadlineMs) throw new SearchGivenUp();
    const progress = this.#placeReads(start);
    if (progress.left === 0) return true;
    const memory = `${progress.first} ${[...progress.ahead].sort((a, b) => a - b).join(',')} ${progress.value}`;
    if (this.#tried.has(memory)) return false;
    this.#tried.add(memory);
    for (const [index, operation] of this.#candidates(progress)) {
      const value = after(operation, progress.value);
      if (value !== undefined && this.#explain(this.#place(progress, index, value))) return true;
    }
    // Whatever ends first has to be placed now, unless it was never answered: then it may not have happened.
    const [index, first] = this.#candidates(progress)[0] ?? [];
    const mayBeDropped = index !== undefined && first?.outcome.kind === 'unknown' && Number.isFinite(first.end);
    return mayBeDropped && this.#explain(this.#place(progress, index, progress.value));
  }

  /** Places every read that can happen now. Waiting would not help it, and placing it hinders no other operation. */
  #placeReads(start: Progress): Progress {
    let progress = start;
    for (;;) {
      const { value } = progress;
      const found = this.#candidates(progress).find(([, operation]) => isPure(operation) && after(operation, value) !== undefined);
      if (found === undefined) return progress;
      progress = this.#place(progress, found[0], value);
    }
  }

  #place({ first, ahead, left }: Progress, index: number, value: string | null): Progress {
    const placed = new Set(ahead).add(index);
    let next = first;
    while (placed.delete(next)) next += 1;
    return { first: next, ahead: placed, left: this.#operations[index]?.outcome.kind === 'unknown' ? left : left - 1, value };
  }

  /** Operations that may come next: those that began before any other has ended. The first to end comes first. */
  #candidates({ first, ahead }: Progress): readonly (readonly [number, Operation])[] {
    const candidates: (readonly [number, Operation])[] = [];
    let firstEnd = Number.POSITIVE_INFINITY;
    for (let index = first; index < this.#operations.length; index += 1) {
      const operation = this.#operations[index];
      if (operation === undefined || operation.begin > firstEnd) break;
      if (ahead.has(index)) continue;
      candidates.push([index, operation]);
      firstEnd = Math.min(firstEnd, operation.end);
    }
    return candidates.filter(([, { begin }]) => begin < firstEnd).sort(([, a], [, b]) => a.end - b.end);
  }
}

/**
 * Judges a history.
 *
 * @param operations all of it
 * @param limitMs how long may be searched, in milliseconds
 * @returns whether an order explains it
 */
export function judgeBySearch(operations: readonly Operation[], limitMs = SEARCH_LIMIT_MS): SearchVerdict {
  const deadlineMs = Date.now() + limitMs;
  const keys = [...new Set(operations.map(({ key }) => key))];
  for (const key of keys) {
    try {
      const search = new KeySearch(operations.filter((operation) => operation.key === key), deadlineMs);
      if (!search.run()) return { kind: 'impossible', key };
    } catch (error) {
      if (error instanceof SearchGivenUp) return { kind: 'given up', key };
      throw error;
    }
  }
  return { kind: 'explained' };
}
