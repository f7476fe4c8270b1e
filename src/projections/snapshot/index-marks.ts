/**
 * Marks in the index of a generation, by which a key is found without reading the rest: where each block of lines begins, with which key,
 * how many keys come before it, and the checksum of the block. Pure.
 */
import { crc32 } from 'node:zlib';

/** The beginning of a block. */
export interface IndexMark {
  /** The first key in the block. */
  readonly key: string;
  /** Where the block begins in the `.index`, in bytes. */
  readonly offset: number;
  /** Number of keys before it. */
  readonly before: number;
  /** CRC-32 of its lines. */
  readonly crc: number;
}

/** Size of a block: some hundred lines, which are read and decoded in a fraction of a millisecond. */
const BLOCK_BYTES = 32_768;

/** Makes the marks while an index is written. */
export class MarkMaker {
  readonly #marks: IndexMark[] = [];
  #open: { -readonly [Field in keyof IndexMark]: IndexMark[Field] } | undefined;
  #count = 0;
  readonly #blockBytes: number;

  /** @param blockBytes size from which on a block ends, in bytes */
  constructor(blockBytes = BLOCK_BYTES) {
    this.#blockBytes = blockBytes;
  }

  /**
   * Notes a line that is about to be written.
   *
   * @param line its text
   * @param offset where it begins in the file, in bytes
   */
  note(key: string, line: string, offset: number): void {
    if (this.#open === undefined || offset - this.#open.offset >= this.#blockBytes) {
      this.#open = { key, offset, before: this.#count, crc: 0 };
      this.#marks.push(this.#open);
    }
    this.#open.crc = crc32(line, this.#open.crc);
    this.#count += 1;
  }

  /** The marks of all lines that were noted. */
  get marks(): readonly IndexMark[] {
    return this.#marks;
  }
}
