/**
 * Merges streams of keys in the order of their UTF-8 bytes. Knows nothing of files.
 */
import { compareUtf8 } from '../../base/compare-utf8.js';
import type { KeyChange } from './key-change.js';
import type { StoredEntry } from './read-generation.js';

/** Elements of a group at most. */
const GROUP_ELEMENTS = 1000;
/** Bytes of values that end a group. */
const GROUP_VALUE_BYTES = 4_194_304;

/** A position in a stream that comes in groups, to compare streams element by element without awaiting each element. */
export class GroupCursor<T> {
  readonly #groups: AsyncIterator<readonly T[]>;
  #group: readonly T[] = [];
  #index = 0;

  private constructor(groups: AsyncIterator<readonly T[]>) {
    this.#groups = groups;
  }

  /**
   * Opens a cursor at the first element.
   *
   * @param groups ended when the cursor is closed
   */
  static async open<T>(groups: AsyncIterable<readonly T[]>): Promise<GroupCursor<T>> {
    const cursor = new GroupCursor<T>(groups[Symbol.asyncIterator]());
    await cursor.load();
    return cursor;
  }

  /** The current element; undefined at the end. */
  get current(): T | undefined {
    return this.#group[this.#index];
  }

  /**
   * Moves to the next element.
   *
   * @returns true if the caller must call {@link load} before it uses {@link current}
   */
  step(): boolean {
    this.#index += 1;
    return this.#index >= this.#group.length;
  }

  /** Loads the next group that has elements, or reaches the end. */
  async load(): Promise<void> {
    this.#index = 0;
    for (;;) {
      const { done, value } = await this.#groups.next();
      this.#group = done === true ? [] : value;
      if (done === true || value.length > 0) return;
    }
  }

  /** Ends the stream. */
  async close(): Promise<void> {
    await this.#groups.return?.();
  }
}

/** Returns a stream of one group. */
export async function* inOneGroup<T>(elements: readonly T[]): AsyncGenerator<readonly T[]> {
  await Promise.resolve();
  yield elements;
}

/**
 * Merges streams of changes into one in which each key occurs once, with its highest seq. Of two changes with the same seq, that of the
 * later stream wins.
 *
 * @param streams from the oldest to the newest, each ascending by the UTF-8 bytes of its distinct keys
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

/** A key of the new generation: unchanged from the previous one, or set since. */
export type MergedEntry =
  | { readonly kind: 'stored'; readonly stored: StoredEntry }
  | { readonly kind: 'changed'; readonly change: KeyChange };

/**
 * Merges the previous generation with the changes since. Leaves out deleted keys.
 *
 * @param stored the previous generation, ascending
 * @param changes ascending, each key once
 * @returns groups of at most 1,000 keys and, apart from the last value of each, 4 MiB
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
