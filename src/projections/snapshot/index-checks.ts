/**
 * Checks the lines of an index against one another, and all of them together against the manifest. Pure.
 */
import type { ByteRange } from '../../base/byte-scan.js';
import { compareUtf8 } from '../../base/compare-utf8.js';
import { countText } from '../../base/count-text.js';
import { addTerm, keyTerm } from '../key-sum.js';
import type { IndexLine } from './index-format.js';
import { beforeValueBytes, JSON_END, JSON_START, LAST_LINE_END, VALUE_BYTES_MAX } from './json-layout.js';
import type { IndexEntry, KeyCensus, SnapshotData } from './snapshot.js';

/** The state before a line. */
export interface IndexPosition {
  /** The key of the line before; undefined for the first line. */
  readonly lastKey: string | undefined;
  /** End of the value before in the `.json`, in bytes. */
  readonly jsonOffset: number;
}

/** Before the first line. */
export const INDEX_START: IndexPosition = { lastKey: undefined, jsonOffset: JSON_START.length };

/** Takes the lines of an index, or of a part of it. */
export class IndexChecks implements KeyCensus, IndexPosition {
  readonly #seqMax: number;
  /** True before the first line of the index. */
  isFirst: boolean;
  lastKey: string | undefined;
  jsonOffset: number;
  keyCount = 0;
  keySum = 0;

  /** @param seqMax the seq of the generation: no version is above it */
  constructor(seqMax: number, { lastKey, jsonOffset }: IndexPosition) {
    this.#seqMax = seqMax;
    this.isFirst = lastKey === undefined;
    this.lastKey = lastKey;
    this.jsonOffset = jsonOffset;
  }

  /** Takes the next line. Returns undefined if it is right, otherwise what was expected. */
  take({ entry, keyText }: IndexLine): string | undefined {
    const { key, seq, expiresAtMs } = entry;
    if (this.lastKey !== undefined && compareUtf8(this.lastKey, key) >= 0) return 'a key above the previous one';
    const fault = this.takeNumbers(entry, keyText);
    if (fault !== undefined) return fault;
    this.lastKey = key;
    this.keySum = addTerm(this.keySum, keyTerm(key, seq, expiresAtMs));
    return undefined;
  }

  /** Takes the next line without its key: the caller compares the keys and sums them up. Returns the same as {@link take}. */
  takeNumbers({ seq, offset, sizeBytes }: Pick<IndexEntry, 'seq' | 'offset' | 'sizeBytes'>, keyText: ByteRange): string | undefined {
    if (seq > this.#seqMax) return `a version up to ${this.#seqMax}`;
    const due = this.jsonOffset + beforeValueBytes(keyText, this.isFirst);
    if (offset !== due) return `offset ${due}`;
    if (sizeBytes > VALUE_BYTES_MAX) return `a value of at most ${VALUE_BYTES_MAX} bytes`;
    this.isFirst = false;
    this.jsonOffset = offset + sizeBytes;
    this.keyCount += 1;
    return undefined;
  }
}

/**
 * Compares all lines with the manifest.
 *
 * @param found counts and sums over all lines, and where the last value ends
 * @returns how they differ; undefined if they do not
 */
export function findMissing(
  { keyCount, keySum, json }: SnapshotData, found: KeyCensus & Pick<IndexPosition, 'jsonOffset'>,
): { readonly expected: string; readonly found: string } | undefined {
  if (found.keyCount !== keyCount) return { expected: countText(keyCount, 'key'), found: `${found.keyCount}` };
  if (found.keySum !== keySum) return { expected: `the sum ${keySum} over keys and versions`, found: `${found.keySum}` };
  const jsonBytes = found.jsonOffset + (keyCount === 0 ? 0 : LAST_LINE_END.length) + JSON_END.length;
  if (jsonBytes !== json.sizeBytes) return { expected: `places in a JSON of ${json.sizeBytes} bytes`, found: `${jsonBytes}` };
  return undefined;
}
