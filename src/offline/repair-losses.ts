/**
 * What a repair would lose, as far as the files say it: from records that cannot be proved, nothing is certain, so what is certain in
 * itself is kept apart from what damaged text seems to say, and what nothing says is called possible.
 */
import type { StrayRecord } from './damaged-log.js';

/** A range of seqs, both included. */
export interface SeqRange {
  readonly from: number;
  readonly to: number;
}

/** What would be lost. */
export interface RepairLosses {
  /** Seqs after the last line that is kept, of which there is evidence; undefined: none. */
  readonly seqs: SeqRange | undefined;
  /** Bytes of records that are not kept. */
  readonly bytes: number;
  /** Keys that records among them speak of whose own hash holds, without repeats. */
  readonly keys: readonly string[];
  /** Other keys that damaged records seem to name: a changed byte may have made one out of another. */
  readonly seemingKeys: readonly string[];
  /** Whether there were more keys than are named: no more than {@link KEYS_NAMED_MAX} are. */
  readonly hasMoreKeys: boolean;
  /** Seqs of changes of the settings, of the API key, and of deletions of all keys. */
  readonly settingsSeqs: readonly number[];
  readonly apiKeySeqs: readonly number[];
  readonly clearSeqs: readonly number[];
  /** Whether there may be other losses than are named: a record says nothing legible, a file cannot be read, or lines are not there. */
  readonly mayBeMore: boolean;
  /** Seqs whose lines cannot be proved and whose effect a snapshot holds: history without loss of values; undefined: none. */
  readonly history: SeqRange | undefined;
}

/** Names of keys that are collected; who loses more has to look into the copy. */
export const KEYS_NAMED_MAX = 1000;

/** Collects what records say that are not kept. */
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
   * @param endSeq the last seq that is kept
   * @param provenSeq a seq that the log is known to have had; 0: none
   */
  constructor(endSeq: number, provenSeq: number) {
    this.#endSeq = endSeq;
    this.#lastSeq = provenSeq;
  }

  /** Takes in one record that is not kept. */
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
   * Says what was collected.
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
