/**
 * Merges streams of keys in the order of their UTF-8 bytes. Knows nothing of files.
 */
import { compareUtf8 } from '../../base/compare-utf8.js';
import { invariant } from '../../base/invariant.js';
import { type ChangeBlock, compareRecords, decodeBlock, type KeyChange, type RangeChange, recordEnd } from './change-block.js';
import { NewestChanges } from './newest-changes.js';
import { OpenRanges } from './open-ranges.js';
import type { StoredEntry } from './read-generation.js';
import type { WrittenEntry } from './snapshot-writer.js';

/** Elements of a group at most. */
const GROUP_ELEMENTS = 1000;
/** Bytes of values that end a group. */
const GROUP_VALUE_BYTES = 4_194_304;

/** A position in a stream that comes in groups, to compare streams element by element without awaiting each element. */
class GroupCursor<T> {
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

/** A position in a stream of blocks. */
class BlockCursor {
  readonly #blocks: AsyncIterator<ChangeBlock>;
  /** Higher for a newer stream. */
  readonly #age: number;
  block: ChangeBlock = { bytes: Buffer.alloc(0), value: undefined };
  /** Offset of the current record in the block. */
  at = 0;

  constructor(blocks: AsyncIterable<ChangeBlock>, age: number) {
    this.#blocks = blocks[Symbol.asyncIterator]();
    this.#age = age;
  }

  /** Loads the next block. Returns false at the end. */
  async load(): Promise<boolean> {
    const { done, value } = await this.#blocks.next();
    if (done === true) return false;
    this.block = value;
    this.at = 0;
    return true;
  }

  /** Moves to the next record. Returns false if the block has none: the caller must call {@link load}. */
  step(): boolean {
    this.at = this.block.value === undefined ? recordEnd(this.block.bytes, this.at) : this.block.bytes.length;
    return this.at < this.block.bytes.length;
  }

  /** Below 0 if this one comes first: for the lower key, and of equal keys for the newer stream. */
  compare(other: BlockCursor): number {
    return compareRecords(this.block.bytes, this.at, other.block.bytes, other.at) || other.#age - this.#age;
  }

  /** Ends the stream. */
  async close(): Promise<void> {
    await this.#blocks.return?.();
  }
}

/** Puts the last cursor of a heap in the place of the first. */
function removeFirst(heap: BlockCursor[]): void {
  const last = heap.pop();
  if (last !== undefined && heap.length > 0) heap[0] = last;
}

/** Moves the first cursor down to its place in a heap that is in order otherwise. */
function siftDown(heap: BlockCursor[]): void {
  const [moved] = heap;
  if (moved === undefined) return;
  let index = 0;
  for (;;) {
    let child = 2 * index + 1;
    let lower = heap[child];
    const right = heap[child + 1];
    if (lower !== undefined && right !== undefined && right.compare(lower) < 0) {
      child += 1;
      lower = right;
    }
    if (lower === undefined || moved.compare(lower) <= 0) break;
    heap[index] = lower;
    index = child;
  }
  heap[index] = moved;
}

/**
 * Merges streams of changes into one that has the newest change of each key, and each deleted range once.
 *
 * @param streams from the oldest to the newest, each ascending by the bytes of its distinct keys
 * @returns blocks, ascending
 */
export async function* mergeChanges(streams: readonly AsyncIterable<ChangeBlock>[]): AsyncGenerator<ChangeBlock> {
  const cursors = streams.map((stream, age) => new BlockCursor(stream, age));
  try {
    const heap: BlockCursor[] = [];
    for (const cursor of cursors) if (await cursor.load()) heap.push(cursor);
    heap.sort((a, b) => a.compare(b));
    const newest = new NewestChanges();
    for (let [first] = heap; first !== undefined; [first] = heap) {
      newest.take(first.block.bytes, first.at, first.block.value);
      if (newest.isFull) yield* newest.takeFull();
      if (!first.step() && !(await first.load())) removeFirst(heap);
      siftDown(heap);
    }
    yield* newest.takeAll();
  } finally {
    for (const cursor of cursors) await cursor.close();
  }
}

/**
 * Merges the previous generation with the changes since. Leaves out deleted keys.
 *
 * @param stored the previous generation, ascending
 * @param changes ascending, each key once
 * @returns groups of at most 1,000 keys and, apart from the last value of each, 4 MiB
 */
export async function* mergeWithStored(
  stored: AsyncIterable<readonly StoredEntry[]>, changes: AsyncIterable<ChangeBlock>,
): AsyncGenerator<readonly WrittenEntry[]> {
  const before = await GroupCursor.open(stored);
  try {
    const after = await GroupCursor.open(decoded(changes));
    try {
      yield* mergeCursors(before, after);
    } finally {
      await after.close();
    }
  } finally {
    await before.close();
  }
}

async function* decoded(blocks: AsyncIterable<ChangeBlock>): AsyncGenerator<readonly (KeyChange | RangeChange)[]> {
  for await (const block of blocks) yield decodeBlock(block);
}

async function* mergeCursors(
  before: GroupCursor<StoredEntry>, after: GroupCursor<KeyChange | RangeChange>,
): AsyncGenerator<readonly WrittenEntry[]> {
  const ranges = new OpenRanges();
  let group: WrittenEntry[] = [];
  let groupBytes = 0;
  while (before.current !== undefined || after.current !== undefined) {
    const { current: stored } = before;
    const { current: change } = after;
    const order = stored === undefined ? 1 : change === undefined ? -1 : compareUtf8(stored.key, change.key);
    if (order >= 0 && change?.kind === 'range') {
      ranges.add(change);
      if (after.step()) await after.load();
      continue;
    }
    if (order <= 0 && before.step()) await before.load();
    if (order >= 0 && after.step()) await after.load();
    const next = order < 0 || change === undefined ? stored : withStored(change, order === 0 ? stored : undefined);
    if (next !== undefined && isSet(next) && !ranges.covers(next.key, next.seq)) {
      group.push(next);
      groupBytes += next.value.length;
    }
    if (group.length < GROUP_ELEMENTS && groupBytes < GROUP_VALUE_BYTES) continue;
    yield group;
    group = [];
    groupBytes = 0;
  }
  if (group.length > 0) yield group;
}

/** Gives a touched key the value that it has in the previous generation. */
function withStored<C extends KeyChange | RangeChange>(change: C, stored: StoredEntry | undefined): C {
  if (change.kind !== 'touch') return change;
  invariant(stored !== undefined, () => `the key that seq ${change.seq} touches exists`);
  return { ...change, value: stored.value };
}

function isSet(change: StoredEntry | KeyChange | RangeChange): change is StoredEntry | (KeyChange & { readonly value: Buffer }) {
  return 'value' in change && change.value !== undefined;
}
