/**
 * A past state on disk. Damage of its files costs nothing but another build: it is dropped then, and reads of it are refused.
 */
import { AppError } from '../../base/app-error.js';
import type { KeyRange, DirectedRange } from '../../events/key-range.js';
import type { GenerationKeys } from '../../projections/snapshot/generation-keys.js';
import { SnapshotCorruptError } from '../../projections/snapshot/snapshot-errors.js';
import type { IndexEntry } from '../../projections/snapshot/snapshot.js';
import type { PastEntry, PastSlice, PastState } from '../../store/past-state.js';

/** What is known about a state from its build. */
interface ScratchFacts {
  readonly seq: number;
  /** Time of that line, in milliseconds since 1970. */
  readonly timeMs: number;
}

/** A past state in files. */
export class ScratchState implements PastState {
  readonly seq: number;
  readonly timeMs: number;
  readonly #keys: GenerationKeys;
  readonly #onDamage: (error: SnapshotCorruptError) => void;
  #endedBy: AppError | undefined;

  /** @param onDamage called when a read finds something else than what was written */
  constructor({ seq, timeMs }: ScratchFacts, keys: GenerationKeys, onDamage: (error: SnapshotCorruptError) => void) {
    this.seq = seq;
    this.timeMs = timeMs;
    this.#keys = keys;
    this.#onDamage = onDamage;
  }

  get count(): number {
    return this.#keys.count;
  }

  async get(key: string): Promise<PastEntry | undefined> {
    return await this.#reading(() => this.#keys.get(key));
  }

  async countIn(range: KeyRange): Promise<number> {
    return await this.#reading(() => this.#keys.countIn(range));
  }

  async slice(range: DirectedRange, limit: number): Promise<PastSlice> {
    return await this.#reading(() => this.#keys.slice(range, limit));
  }

  async load(entries: readonly PastEntry[]): Promise<readonly string[]> {
    // Every entry of this state came from it, with its place.
    return await this.#reading(() => this.#keys.load(entries as readonly IndexEntry[]));
  }

  /** Ends it: readings reject from now on. Resolves once none uses its files. */
  async end(reason: AppError): Promise<void> {
    this.#endedBy ??= reason;
    await this.#keys.close();
  }

  async #reading<T>(read: () => Promise<T>): Promise<T> {
    if (this.#endedBy !== undefined) throw this.#endedBy;
    try {
      const found = await read();
      // What was read meanwhile may be what must not be shown any more.
      if (this.#endedBy !== undefined) throw this.#endedBy;
      return found;
    } catch (error) {
      if (this.#endedBy !== undefined) throw this.#endedBy;
      if (!(error instanceof SnapshotCorruptError)) throw error;
      this.#onDamage(error);
      const message = `Cannot read the past state at seq ${this.seq}: the disk returned something else than what was written`;
      throw new AppError('disk_failed', message, { cause: error });
    }
  }
}
