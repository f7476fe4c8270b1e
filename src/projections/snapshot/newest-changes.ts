/**
 * Finds the newest change of each key among records that are sorted by key, and of one key from the newest to the oldest. A touch keeps the
 * value that its key has: it takes over that of the next older record of the key, or stays a touch if there is none among these. Pure.
 */
import { BlockPacker, type ChangeBlock, compareRecords, isTouch, type RecordAt, recordEnd, touchedRecord } from './change-block.js';

/** Packs the newest changes into blocks. */
export class NewestChanges {
  readonly #packer = new BlockPacker();
  /** The record before. */
  #last: Buffer | undefined;
  #lastAt = 0;
  /** Waits for an older record of its key. */
  #touch: RecordAt | undefined;

  /**
   * Takes the next record. Full blocks must be taken, and their values read, before the next one.
   *
   * @param bytes not changed before all blocks are taken
   * @param value reads the value that the record lacks, if it does
   */
  take(bytes: Buffer, at: number, value: ChangeBlock['value']): void {
    const isNext = this.#last === undefined || compareRecords(this.#last, this.#lastAt, bytes, at) !== 0;
    if (isNext) {
      this.#addTouch();
      this.#last = bytes;
      this.#lastAt = at;
      if (isTouch(bytes, at)) this.#touch = { bytes, at };
      else this.#add(bytes, at, value);
    } else if (this.#touch !== undefined && !isTouch(bytes, at)) {
      const end = value === undefined ? recordEnd(bytes, at) : bytes.length;
      this.#add(touchedRecord(bytes, at, end, this.#touch), 0, value);
      this.#touch = undefined;
    }
  }

  #addTouch(): void {
    if (this.#touch !== undefined) this.#packer.add(this.#touch.bytes, this.#touch.at);
    this.#touch = undefined;
  }

  #add(bytes: Buffer, at: number, value: ChangeBlock['value']): void {
    if (value === undefined) this.#packer.add(bytes, at);
    else this.#packer.addBlock({ bytes, value });
  }

  /** Whether there are full blocks. */
  get isFull(): boolean {
    return this.#packer.isFull;
  }

  /** Takes the full blocks. */
  takeFull(): readonly ChangeBlock[] {
    return this.#packer.takeFull();
  }

  /** Takes all blocks that are left, after the last record. */
  takeAll(): readonly ChangeBlock[] {
    this.#addTouch();
    return this.#packer.takeAll();
  }
}
