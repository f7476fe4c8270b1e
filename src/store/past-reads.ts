/**
 * Reads the keys of a past state in the pieces in which listings are written. A state never changes, so no piece is looked up again.
 */
import type { DirectedRange } from '../events/key-range.js';
import type { LoadedEntry } from '../projections/key-entry.js';
import type { PastEntry, PastState } from './past-state.js';
import {
  type Admission, type KeyReads, membersOf, type MembersPiece, PIECE_VALUE_BYTES_MAX, type ReadPiece, reserve,
} from './project-reads.js';

/** The reading side of a past state. */
export class PastReads implements KeyReads {
  readonly #state: PastState;

  constructor(state: PastState) {
    this.#state = state;
  }

  /** Reads the keys of a range. */
  async readNames(range: DirectedRange, limit: number): Promise<readonly string[]> {
    return (await this.#state.slice(range, limit)).entries.map(({ key }) => key);
  }

  /** Reads a piece of a listing: at most 128 KiB of values, but at least one key. */
  async readPiece(range: DirectedRange, limit: number, admit?: Admission): Promise<ReadPiece> {
    const { entries, isLast } = await this.#state.slice(range, limit);
    const fitting = entries.slice(0, countFitting(entries.map(({ sizeBytes }) => sizeBytes)));
    const rest = { doneCount: fitting.length, isLast: isLast && fitting.length === entries.length };
    return await this.#load(fitting, rest, admit);
  }

  /** Reads a piece of a listing as JSON text: at most 128 KiB of values, but at least one key. */
  async readMembers(range: DirectedRange, limit: number, admit?: Admission): Promise<MembersPiece> {
    const { entries, isLast } = await this.readPiece(range, limit, admit);
    return { text: membersOf(entries), lastKey: entries.at(-1)?.[0], isLast };
  }

  /** Reads given keys, as many as fit into a piece: at most 128 KiB of values, but at least one key. */
  async readKeys(keys: readonly string[], admit?: Admission): Promise<ReadPiece> {
    const found = await Promise.all(keys.map((key) => this.#state.get(key)));
    const doneCount = countFitting(found.map((entry) => entry?.sizeBytes ?? 0));
    const entries = found.slice(0, doneCount).filter((entry) => entry !== undefined);
    return await this.#load(entries, { doneCount, isLast: doneCount === keys.length }, admit);
  }

  async #load(entries: readonly PastEntry[], rest: Omit<ReadPiece, 'entries'>, admit?: Admission): Promise<ReadPiece> {
    const sizeBytes = entries.reduce((sum, entry) => sum + entry.sizeBytes, 0);
    if (admit !== undefined) await reserve(admit, sizeBytes);
    const values = await this.#state.load(entries);
    return { entries: entries.map((entry, index) => [entry.key, loaded(entry, values[index] ?? '')]), ...rest };
  }
}

/** Counts how many values of these sizes fit into a piece, at least one. */
export function countFitting(sizes: readonly number[]): number {
  let sum = 0;
  const behind = sizes.findIndex((sizeBytes, index) => {
    sum += sizeBytes;
    return index > 0 && sum > PIECE_VALUE_BYTES_MAX;
  });
  return behind < 0 ? sizes.length : behind;
}

function loaded({ seq, tag, timeMs, expiresAtMs }: PastEntry, value: string): LoadedEntry {
  return { value, seq, tag, timeMs, expiresAtMs };
}
