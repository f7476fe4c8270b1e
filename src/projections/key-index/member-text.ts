/**
 * The text of members of a JSON object, before it is copied: which bytes it consists of. Most lie in the memory of the key index, and are
 * valid until something changes there.
 */
import type { ByteRange } from '../../base/byte-scan.js';

/** Collects the bytes. */
export class MemberText {
  readonly #valueBytesMax: number;
  readonly #ranges: ByteRange[] = [];
  #count = 0;
  #valueBytes = 0;
  #textBytes = 0;

  /** @param valueBytesMax maximum size of the values together; the first one is taken whatever its size */
  constructor(valueBytesMax: number) {
    this.#valueBytesMax = valueBytesMax;
  }

  /** Number of members. */
  get count(): number {
    return this.#count;
  }

  /** Size of their values in bytes. */
  get valueBytes(): number {
    return this.#valueBytes;
  }

  /** Counts a member whose bytes follow; false if there is no room for its value. */
  take(valueBytes: number): boolean {
    const sum = this.#valueBytes + valueBytes;
    if (sum > this.#valueBytesMax && this.#count > 0) return false;
    this.#valueBytes = sum;
    this.#count += 1;
    return true;
  }

  /** Adds bytes at the end. */
  add(range: ByteRange): void {
    this.#ranges.push(range);
    this.#textBytes += range.end - range.start;
  }

  /**
   * Copies the text.
   *
   * @param allocate gives the memory, of exactly this size
   */
  write(allocate: (sizeBytes: number) => Buffer): Buffer {
    const text = allocate(this.#textBytes);
    let at = 0;
    for (const { bytes, start, end } of this.#ranges) at += bytes.copy(text, at, start, end);
    return text;
  }
}
