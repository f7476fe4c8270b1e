/**
 * Determines what a repair loses. Records that cannot be proved are weak evidence, so the result separates what intact records say from
 * what damaged ones seem to say, and states when there may be more.
 */
import type { StrayRecord } from './damaged-log.js';

/** A range of seqs, both ends inclusive. */
interface SeqRange {
  readonly from: number;
  readonly to: number;
}

/** The losses of a repair. */
export interface RepairLosses {
  /** Seqs after the last kept line that are known to have existed; undefined: none. */
  readonly seqs: SeqRange | undefined;
  /** Bytes of records that are not kept. */
  readonly bytes: number;
  /** Distinct keys in those records whose own hash is right. */
  readonly keys: readonly string[];
  /** Other keys that damaged records seem to name: a flipped byte may have changed the name. */
  readonly seemingKeys: readonly string[];
  /** Whether there were more than the {@link KEYS_NAMED_MAX} keys that are named. */
  readonly hasMoreKeys: boolean;
  /** Seqs of lost changes of the settings. */
  readonly settingsSeqs: readonly number[];
  /** Seqs of lost changes of the API key. */
  readonly apiKeySeqs: readonly number[];
  /** Seqs of lost deletions of all keys. */
  readonly clearSeqs: readonly number[];
  /** Whether there may be other losses: a record is illegible, a file cannot be read, or lines are missing. */
  readonly mayBeMore: boolean;
  /** Seqs whose lines cannot be proved but whose effect a snapshot holds, so that no value is lost; undefined: none. */
  readonly history: SeqRange | undefined;
}

/** Keys that are named at most; the copy of the damaged files has them all. */
const KEYS_NAMED_MAX = 1000;

/** Collects the losses from the records that are not kept. */
export class LossCollector {
  readonly #endSeq: number;
  readonly #keys = new Set<string>();
  readonly #seemingKeys = new Set<string>();
  readonly #seqs = { settings: [] as number[], apiKey: [] as number[], clear: [] as number[] };
  #hasMoreKeys = false;
  #bytes = 0;
  #lastSeq: number;
  #legible = 0;
  #isAnyIllegible = false;

  /**
   * @param endSeq the last kept seq
   * @param provenSeq a seq that the log is known to have had; 0: none
   */
  constructor(endSeq: number, provenSeq: number) {
    this.#endSeq = endSeq;
    this.#lastSeq = provenSeq;
  }

  /** Adds a record that is not kept. */
  take(record: StrayRecord): void {
    this.#bytes += record.sizeBytes;
    this.#lastSeq = Math.max(this.#lastSeq, record.seq ?? 0);
    if (this.#isNamed(record)) this.#legible += 1;
    else this.#isAnyIllegible = true;
  }

  #isNamed({ seq, op, key, isWhole }: StrayRecord): boolean {
    if (key !== undefined) {
      this.#name(key, isWhole);
      return true;
    }
    const list = listOf(op, this.#seqs);
    if (seq !== undefined) list?.push(seq);
    return list !== undefined && seq !== undefined;
  }

  #name(key: string, isWhole: boolean): void {
    const [into, other] = isWhole ? [this.#keys, this.#seemingKeys] : [this.#seemingKeys, this.#keys];
    if (into.has(key) || (!isWhole && other.has(key))) return;
    if (isWhole) other.delete(key);
    if (into.size + other.size < KEYS_NAMED_MAX) into.add(key);
    else this.#hasMoreKeys = true;
  }

  /**
   * Returns the losses.
   *
   * @param history as in {@link RepairLosses}
   * @param hasUnread whether a file could not be read at all
   */
  losses(history: SeqRange | undefined, hasUnread: boolean): RepairLosses {
    const seqs = this.#lastSeq > this.#endSeq ? { from: this.#endSeq + 1, to: this.#lastSeq } : undefined;
    const isAnyAbsent = this.#lastSeq - this.#endSeq > this.#legible;
    return {
      seqs, bytes: this.#bytes, keys: [...this.#keys], seemingKeys: [...this.#seemingKeys], hasMoreKeys: this.#hasMoreKeys,
      settingsSeqs: this.#seqs.settings, apiKeySeqs: this.#seqs.apiKey, clearSeqs: this.#seqs.clear,
      mayBeMore: this.#isAnyIllegible || isAnyAbsent || (hasUnread && seqs !== undefined), history,
    };
  }
}

function listOf<T>(op: string | undefined, lists: { readonly settings: T; readonly apiKey: T; readonly clear: T }): T | undefined {
  if (op === 'project.create' || op === 'project.update') return lists.settings;
  if (op === 'project.key') return lists.apiKey;
  return op === 'clear' ? lists.clear : undefined;
}
