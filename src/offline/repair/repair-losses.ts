/**
 * Determines what a repair loses. Records that cannot be proved are weak evidence, so the result separates what intact records say from
 * what damaged ones seem to say, and states when there may be more.
 */
import type { DamagedLog, KeptEnd } from './damaged-log.js';

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
  /** Seqs of lost deletions of all keys, or of those of a range. */
  readonly clearSeqs: readonly number[];
  /** Whether there may be other losses: a record is illegible, a file cannot be read, or lines are missing. */
  readonly mayBeMore: boolean;
  /** Seqs whose lines cannot be proved but whose effect a snapshot holds, so that no value is lost; undefined: none. */
  readonly history: SeqRange | undefined;
}

/** Keys that are named at most; the copy of the damaged files has them all. */
const KEYS_NAMED_MAX = 1000;

/**
 * Collects the losses of a repair from the records after the last kept line.
 *
 * @param provenSeq a seq that the log is known to have had; 0: none
 * @param history as in {@link RepairLosses}
 */
export async function collectLosses(
  log: DamagedLog, end: KeptEnd, provenSeq: number, history: SeqRange | undefined,
): Promise<RepairLosses> {
  const names = new KeyNames();
  const lists = { settings: [] as number[], apiKey: [] as number[], clear: [] as number[] };
  let bytes = 0;
  let lastSeq = provenSeq;
  let namedCount = 0;
  let isAnyUnnamed = false;
  for await (const { sizeBytes, seq, op, keys, isWhole } of log.strayRecords(end)) {
    bytes += sizeBytes;
    lastSeq = Math.max(lastSeq, seq ?? 0);
    const list = listOf(op, lists);
    for (const key of keys) names.add(key, isWhole);
    if (keys.length === 0 && seq !== undefined) list?.push(seq);
    if (keys.length > 0 || (list !== undefined && seq !== undefined)) namedCount += 1;
    // Of a damaged batch some keys may be legible, but never surely all.
    if (keys.length === 0 ? list === undefined || seq === undefined : op === 'batch' && !isWhole) isAnyUnnamed = true;
  }
  const seqs = lastSeq > end.seq ? { from: end.seq + 1, to: lastSeq } : undefined;
  const isAnyMissing = lastSeq - end.seq > namedCount;
  return {
    seqs, bytes, keys: [...names.certain], seemingKeys: [...names.seeming], hasMoreKeys: names.hasMore,
    settingsSeqs: lists.settings, apiKeySeqs: lists.apiKey, clearSeqs: lists.clear,
    mayBeMore: isAnyUnnamed || isAnyMissing || (log.hasUnread && seqs !== undefined), history,
  };
}

/** The lost keys, at most {@link KEYS_NAMED_MAX}. */
class KeyNames {
  /** Keys in records whose own hash is right. */
  readonly certain = new Set<string>();
  /** Keys that only damaged records name. */
  readonly seeming = new Set<string>();
  hasMore = false;

  add(key: string, isCertain: boolean): void {
    const [into, other] = isCertain ? [this.certain, this.seeming] : [this.seeming, this.certain];
    if (into.has(key) || (!isCertain && other.has(key))) return;
    if (isCertain) other.delete(key);
    if (into.size + other.size < KEYS_NAMED_MAX) into.add(key);
    else this.hasMore = true;
  }
}

function listOf<T>(op: string | undefined, lists: { readonly settings: T; readonly apiKey: T; readonly clear: T }): T | undefined {
  if (op === 'project.create' || op === 'project.update') return lists.settings;
  if (op === 'project.key') return lists.apiKey;
  return op === 'clear' || op === 'clear.range' ? lists.clear : undefined;
}
