/**
 * Records of many keys, written in whatever thread: the key index takes over their memory instead of copying each of them.
 */
import type { ByteRange } from '../../base/byte-scan.js';
import { invariant } from '../../base/invariant.js';
import type { KeyEntry } from '../key-entry.js';
import { type PackedChunk, RecordChunk } from './record-chunk.js';
import { memberRecordBytes, recordBytes } from './record-size.js';

/** Keys with their values, ascending by the UTF-8 bytes of the keys, at least one: plain data that can be sent to another thread. */
export interface PackedEntries {
  readonly firstKey: string;
  readonly lastKey: string;
  /** The records in their order, without the numbers of their rows. */
  readonly chunks: readonly PackedChunk[];
  /** Version of each key: the seq of its last change. */
  readonly seqs: Float64Array<ArrayBuffer>;
  /** Tag of each version; see `key-entry.ts`. */
  readonly tags: Uint32Array<ArrayBuffer>;
  /** Time of that change, in milliseconds since 1970. */
  readonly timesMs: Float64Array<ArrayBuffer>;
  /** When each key expires, in milliseconds since 1970; infinite for never. Undefined: none does. */
  readonly expiriesMs: Float64Array<ArrayBuffer> | undefined;
}

/** The version of a key. */
type Version = Omit<KeyEntry, 'value'>;

/** Most bytes of a chunk with more than one record. */
const PACKED_BYTES = 1_048_576;
const NO_ROW = 0;

/** Filled, packed and filled again: memory of the right size is allocated once the records are known. */
let draft: RecordChunk | undefined;

/** Writes {@link PackedEntries}. One at a time. */
export class EntryPacker {
  readonly #draft = (draft ??= new RecordChunk(PACKED_BYTES));
  readonly #chunks: PackedChunk[] = [];
  readonly #isAscii: boolean;
  readonly #seqs: Float64Array<ArrayBuffer>;
  readonly #tags: Uint32Array<ArrayBuffer>;
  readonly #timesMs: Float64Array<ArrayBuffer>;
  #expiriesMs: Float64Array<ArrayBuffer> | undefined;
  #count = 0;

  /**
   * @param countMax maximum number of keys
   * @param isAscii whether all keys and values are known to be ASCII
   */
  constructor(countMax: number, isAscii: boolean) {
    this.#draft.clear();
    this.#isAscii = isAscii;
    this.#seqs = new Float64Array(countMax);
    this.#tags = new Uint32Array(countMax);
    this.#timesMs = new Float64Array(countMax);
  }

  /**
   * Adds a key with a value that follows it in the same bytes, as members of a JSON object do.
   *
   * @param keyBytes length of the key, which JSON spells as it is
   */
  addMember(value: ByteRange, keyBytes: number, version: Version): void {
    const chunk = this.#chunkFor(memberRecordBytes(value, keyBytes));
    chunk.addMember(NO_ROW, value, { keyBytes, isAscii: this.#isAscii });
    this.#addVersion(chunk, version);
  }

  /** Adds a key and its value from their texts. */
  add(key: string, value: string, version: Version): void {
    const chunk = this.#chunkFor(recordBytes(key, value));
    chunk.add({ row: NO_ROW, key, value });
    this.#addVersion(chunk, version);
  }

  #chunkFor(sizeBytes: number): RecordChunk {
    if (this.#draft.used + sizeBytes > PACKED_BYTES) this.#packDraft();
    return sizeBytes > PACKED_BYTES ? new RecordChunk(sizeBytes) : this.#draft;
  }

  #addVersion(chunk: RecordChunk, { seq, tag, timeMs, expiresAtMs }: Version): void {
    if (chunk !== this.#draft) this.#chunks.push(chunk.pack());
    const index = this.#count;
    this.#seqs[index] = seq;
    this.#tags[index] = tag;
    this.#timesMs[index] = timeMs;
    if (expiresAtMs !== null) (this.#expiriesMs ??= new Float64Array(this.#seqs.length).fill(Infinity))[index] = expiresAtMs;
    this.#count += 1;
  }

  #packDraft(): void {
    if (this.#draft.count > 0) this.#chunks.push(this.#draft.pack());
    this.#draft.clear();
  }

  /** Returns all keys, of which there must be one at least. */
  finish(): PackedEntries {
    this.#packDraft();
    const count = this.#count;
    const [first, last] = [this.#chunks[0], this.#chunks.at(-1)];
    invariant(first !== undefined && last !== undefined && count <= this.#seqs.length, 'keys are packed, and not more than were announced');
    return {
      firstKey: new RecordChunk(first).keyOf(0), lastKey: new RecordChunk(last).keyOf(last.count - 1), chunks: this.#chunks,
      seqs: this.#seqs.slice(0, count), tags: this.#tags.slice(0, count), timesMs: this.#timesMs.slice(0, count),
      expiriesMs: this.#expiriesMs?.slice(0, count),
    };
  }
}
