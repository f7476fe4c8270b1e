/**
 * Records of many keys, written in whatever thread: the key index takes over their memory instead of copying each of them.
 */
import { type EntryBytes, entryRecordBytes, type PackedChunk, RecordChunk, recordBytes } from './record-chunk.js';

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

/** Most bytes of a chunk with more than one record. */
const PACKED_BYTES = 1_048_576;
const NO_ROW = 0;

/** Filled, packed and filled again: memory of the right size is allocated once the records are known. */
let draft: RecordChunk | undefined;

/** Writes the records of {@link PackedEntries}. One at a time. */
export class RecordPacker {
  readonly #draft = (draft ??= new RecordChunk(PACKED_BYTES));
  readonly #chunks: PackedChunk[] = [];

  constructor() {
    this.#draft.clear();
  }

  /** Adds a key and its value from their bytes. */
  addBytes(entry: EntryBytes): void {
    const sizeBytes = entryRecordBytes(entry);
    const chunk = this.#chunkFor(sizeBytes);
    chunk.addBytes(NO_ROW, entry);
    if (chunk !== this.#draft) this.#chunks.push(chunk.pack());
  }

  /** Adds a key and its value from their texts. */
  add(key: string, value: string): void {
    const chunk = this.#chunkFor(recordBytes(key, value));
    chunk.add({ row: NO_ROW, key, value });
    if (chunk !== this.#draft) this.#chunks.push(chunk.pack());
  }

  #chunkFor(sizeBytes: number): RecordChunk {
    if (this.#draft.used + sizeBytes > PACKED_BYTES) this.#packDraft();
    return sizeBytes > PACKED_BYTES ? new RecordChunk(sizeBytes) : this.#draft;
  }

  #packDraft(): void {
    if (this.#draft.count > 0) this.#chunks.push(this.#draft.pack());
    this.#draft.clear();
  }

  /** Returns all records. */
  finish(): readonly PackedChunk[] {
    this.#packDraft();
    return this.#chunks;
  }
}
