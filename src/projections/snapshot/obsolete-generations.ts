/**
 * Which generations of a project can be removed. Pure.
 */
import type { SnapshotManifest } from './snapshot.js';

/** Generations that are kept: the newest, and one to fall back on if it is damaged. */
const GENERATIONS_KEPT = 2;

/**
 * Finds the generations that are no longer needed.
 *
 * @param generations committed ones, in any order
 * @param keepBase whether the log still has its first line, so that nothing but the base covers the time before
 * @returns those that can be removed, oldest first
 */
export function obsoleteGenerations<M extends Pick<SnapshotManifest, 'seq' | 'isBase'>>(
  generations: readonly M[], keepBase: boolean,
): readonly M[] {
  const newestFirst = generations.toSorted((a, b) => b.seq - a.seq);
  return newestFirst.slice(GENERATIONS_KEPT).filter(({ isBase }) => !(isBase && keepBase)).reverse();
}
