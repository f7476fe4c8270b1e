/**
 * Standing at one element of a stream that comes in groups, so that several streams can be compared element by element without
 * waiting for each element.
 */

/** A place in a stream. */
export class GroupCursor<T> {
  readonly #groups: AsyncIterator<readonly T[]>;
  #group: readonly T[] = [];
  #index = 0;

  private constructor(groups: AsyncIterator<readonly T[]>) {
    this.#groups = groups;
  }

  /**
   * Stands at the first element.
   *
   * @param groups the stream; the cursor ends it when it is closed
   */
  static async open<T>(groups: AsyncIterable<readonly T[]>): Promise<GroupCursor<T>> {
    const cursor = new GroupCursor<T>(groups[Symbol.asyncIterator]());
    await cursor.load();
    return cursor;
  }

  /** The element; undefined at the end. */
  get current(): T | undefined {
    return this.#group[this.#index];
  }

  /**
   * Goes to the next element.
   *
   * @returns true when {@link load} has to be called before it can be looked at
   */
  step(): boolean {
    this.#index += 1;
    return this.#index >= this.#group.length;
  }

  /** Gets the next group that has elements, or the end. */
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
