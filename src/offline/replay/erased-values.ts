/**
 * Follows which keys have a value that was erased, while a state of an earlier time is built: there `null` stands for it.
 */
import { keyChangesOf, rangeOf, setsValue } from '../../events/event.js';
import { isInRange } from '../../events/key-range.js';
import type { LogLine } from '../../log/log.js';
import { projectEventOf } from '../project-files.js';

/** Keys with erased values. */
export class ErasedValues {
  readonly #keys = new Set<string>();

  /** Adds a key of the snapshot that the state is built on. */
  add(key: string): void {
    this.#keys.add(key);
  }

  /** Number of keys. */
  get count(): number {
    return this.#keys.size;
  }

  /** Passes lines on, and follows what they change. */
  async *over(lines: AsyncIterable<readonly LogLine[]>): AsyncGenerator<readonly LogLine[]> {
    for await (const group of lines) {
      for (const line of group) if (this.#keys.size > 0 || line.erasedBy !== undefined) this.#take(line);
      yield group;
    }
  }

  #take(line: LogLine): void {
    const event = projectEventOf(line);
    if (event.op === 'clear') this.#keys.clear();
    if (event.op === 'clear.range') {
      for (const key of this.#keys) if (isInRange(key, rangeOf(event))) this.#keys.delete(key);
    }
    for (const change of keyChangesOf(event)) {
      if (line.erasedBy !== undefined && setsValue(change)) this.#keys.add(change.key);
      else if (change.op !== 'touch') this.#keys.delete(change.key);
    }
  }
}
