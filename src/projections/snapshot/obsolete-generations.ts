/**
 * Which generations of a project may go. Pure.
 */
import type { SnapshotManifest } from './snapshot.js';

/** How many generations stay: the newest, and the one to fall back on where it proves damaged. */
const GENERATIONS_KEPT = 2;

/** What must stay, whatever its age. */
export interface GenerationsKept {
  /** Whether the log still has its first line, so that nothing but the base holds what came before. */
  readonly keepBase: boolean;
}

/**
 * Finds the generations that nothing needs any more.
 *
 * @param generations committed ones, in any order
 * @param kept what must stay
 * @returns those that may go, oldest first
 */
export function obsoleteGenerations<M extends Pick<SnapshotManifest, 'seq' | 'isBase'>>(
  generations: readonly M[], { keepBase }: GenerationsKept,
): readonly M[] {
  const newestFirst = generations.toSorted((a, b) => b.seq - a.seq);
  return newestFirst.slice(GENERATIONS_KEPT).filter(({ isBase }) => !(isBase && keepBase)).reverse();
}
