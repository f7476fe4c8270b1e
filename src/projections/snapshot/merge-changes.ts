/**
 * Merging streams in the order of their keys. Knows nothing of files.
 */
import { compareUtf8 } from '../../base/compare-utf8.js';
import { GroupCursor } from './group-cursor.js';
import type { KeyChange } from './key-change.js';
import type { StoredEntry } from './read-generation.js';

/** Elements of a group at most. */
const GROUP_ELEMENTS = 1000;
/** Bytes of values that a group keeps in memory, but for its last element. */
const GROUP_VALUE_BYTES = 4_194_304;

/**
 * Merges streams of changes into one in which each key stands once: with its highest seq, and of two alike that of the later stream.
 *
 * @param streams each ascending by the UTF-8 bytes of its keys, each key once; from the oldest to the newest
 * @returns groups, ascending
 */
export async function* mergeChanges(streams: readonly AsyncIterable<readonly KeyChange[]>[]): AsyncGenerator<readonly KeyChange[]> {
  const cursors: GroupCursor<KeyChange>[] = [];
  try {
    for (const stream of streams) cursors.push(await GroupCursor.open(stream));
    let group: KeyChange[] = [];
    for (let next = lowest(cursors); next !== undefined; next = lowest(cursors)) {
      group.push(next);
      for (const cursor of cursors) if (cursor.current?.key === next.key && cursor.step()) await cursor.load();
      if (group.length < GROUP_ELEMENTS) continue;
      yield group;
      group = [];
    }
    if (group.length > 0) yield group;
  } finally {
    for (const cursor of cursors) await cursor.close();
  }
}

function lowest(cursors: readonly GroupCursor<KeyChange>[]): KeyChange | undefined {
  let found: KeyChange | undefined;
  for (const { current } of cursors) {
    if (current === undefined) continue;
    const order = found === undefined ? -1 : compareUtf8(current.key, found.key);
    if (found === undefined || order < 0 || (order === 0 && current.seq >= found.seq)) found = current;
  }
  return found;
}

/** One key of the new generation: as it was in the one before, or as it was set since. */
export type MergedEntry =
  | { readonly kind: 'stored'; readonly stored: StoredEntry }
  | { readonly kind: 'changed'; readonly change: KeyChange };

/**
 * Merges the generation before with the changes since; keys that are gone are left out.
 *
 * @param stored the generation before, ascending
 * @param changes ascending, each key once
 * @returns groups of at most a thousand keys and, but for the last value of each, 4 MiB
 */
export async function* mergeWithStored(
  stored: AsyncIterable<readonly StoredEntry[]>, changes: AsyncIterable<readonly KeyChange[]>,
): AsyncGenerator<readonly MergedEntry[]> {
  const before = await GroupCursor.open(stored);
  try {
    const after = await GroupCursor.open(changes);
    try {
      yield* mergeCursors(before, after);
    } finally {
      await after.close();
    }
  } finally {
    await before.close();
  }
}

async function* mergeCursors(before: GroupCursor<StoredEntry>, after: GroupCursor<KeyChange>): AsyncGenerator<readonly MergedEntry[]> {
  let group: MergedEntry[] = [];
  let groupBytes = 0;
  while (before.current !== undefined || after.current !== undefined) {
    const { current: stored } = before;
    const { current: change } = after;
    const order = stored === undefined ? 1 : change === undefined ? -1 : compareUtf8(stored.entry.key, change.key);
    if (order <= 0 && before.step()) await before.load();
    if (order >= 0 && after.step()) await after.load();
    if (order < 0 && stored !== undefined) {
      group.push({ kind: 'stored', stored });
      groupBytes += stored.bytes.length;
    } else if (change?.set !== undefined) {
      group.push({ kind: 'changed', change });
      groupBytes += change.set.place.sizeBytes;
    }
    if (group.length < GROUP_ELEMENTS && groupBytes < GROUP_VALUE_BYTES) continue;
    yield group;
    group = [];
    groupBytes = 0;
  }
  if (group.length > 0) yield group;
}
