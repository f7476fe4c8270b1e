/**
 * The deleted ranges around a key, while keys are merged in their order. Pure.
 *
 * An older range that does not go beyond a newer one matters no more. What is left has the form of stairs: the newer a range, the sooner it
 * ends. So the first one is the only one to ask.
 */
import type { RangeChange } from './change-block.js';

/** Ranges that began at or before the current key. */
export class OpenRanges {
  /** Newest first, and the ends ascending. */
  #ranges: RangeChange[] = [];

  /** Adds a range that begins at the current key. */
  add(range: RangeChange): void {
    const behind = this.#ranges.findIndex(({ seq }) => seq < range.seq);
    const at = behind < 0 ? this.#ranges.length : behind;
    const newer = this.#ranges[at - 1];
    if (newer !== undefined && compareEnds(newer, range) >= 0) return;
    const rest = this.#ranges.slice(at);
    const kept = rest.findIndex((older) => compareEnds(older, range) > 0);
    this.#ranges = [...this.#ranges.slice(0, at), range, ...(kept < 0 ? [] : rest.slice(kept))];
  }

  /**
   * Tells whether a range deleted what was changed at a seq.
   *
   * @param key not below that of any call before
   */
  covers(key: string, seq: number): boolean {
    if (this.#ranges.length === 0) return false;
    const bytes = Buffer.from(key);
    while (this.#ranges[0]?.to !== undefined && Buffer.compare(bytes, this.#ranges[0].to) >= 0) this.#ranges.shift();
    return this.#ranges[0] !== undefined && this.#ranges[0].seq > seq;
  }
}

function compareEnds({ to }: RangeChange, { to: other }: RangeChange): number {
  if (to === undefined || other === undefined) return Number(to === undefined) - Number(other === undefined);
  return Buffer.compare(to, other);
}
