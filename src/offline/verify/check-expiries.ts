/**
 * Checks that each key that a line removes as expired had expired by the time of that line. Reads the lines once, in their order, and holds
 * only the keys that have an expiry at the moment.
 */
import { expiryAfter, keyChangesOf, type ProjectEvent, rangeOf } from '../../events/event.js';
import { hasExpired } from '../../events/expiry.js';
import type { LogLine } from '../../log/log.js';
import { KeyIndex } from '../../projections/key-index/key-index.js';
import { SnapshotCorruptError, SnapshotVersionError } from '../../projections/snapshot/snapshot-errors.js';
import type { CommittedManifest, SnapshotFolder } from '../../projections/snapshot/snapshot-folder.js';

/** What is wrong with a line. */
interface ExpiryFault {
  readonly expected: string;
  readonly found: string;
}

/** The keys that have an expiry, after the lines so far. */
export class ExpiryCheck {
  #keys = new KeyIndex();
  #lastSeq: number;
  #isOver = false;

  private constructor(lastSeq: number) {
    this.#lastSeq = lastSeq;
  }

  /**
   * Begins a check.
   *
   * @param firstSeq the seq of the first line that the log still has
   * @param committed the snapshots of the project, in any order
   * @returns undefined if a log without its beginning has no snapshot that can be read: then nothing can be checked
   */
  static async begin(
    snapshots: SnapshotFolder, committed: readonly CommittedManifest[], firstSeq: number, signal?: AbortSignal,
  ): Promise<ExpiryCheck | undefined> {
    if (firstSeq === 1) return new ExpiryCheck(0);
    const [oldest] = committed.filter(({ seq }) => seq >= firstSeq - 1).sort((a, b) => a.seq - b.seq);
    if (oldest === undefined) return undefined;
    const check = new ExpiryCheck(oldest.seq);
    try {
      for await (const group of snapshots.readIndex(oldest, signal && { signal })) {
        for (const { key, expiresAtMs } of group) check.#set(key, expiresAtMs);
      }
      return check;
    } catch (error) {
      // The check of snapshots says so.
      if (error instanceof SnapshotCorruptError || error instanceof SnapshotVersionError) return undefined;
      throw error;
    }
  }

  /** Takes the next line. Returns what is wrong with it; undefined if nothing is, or if that is unknown. */
  take({ seq, timeMs }: Pick<LogLine, 'seq' | 'timeMs'>, event: ProjectEvent): ExpiryFault | undefined {
    if (this.#isOver || seq <= this.#lastSeq) return undefined;
    // After lines that cannot be read, nothing is known about any key.
    this.#isOver = seq !== this.#lastSeq + 1;
    if (this.#isOver) return undefined;
    this.#lastSeq = seq;
    const fault = event.op === 'expire' ? this.#faultOf(event.keys, timeMs) : undefined;
    for (const change of keyChangesOf(event)) this.#set(change.key, expiryAfter(change));
    if (event.op === 'clear') this.#keys = new KeyIndex();
    if (event.op === 'clear.range') this.#keys.deleteIn(rangeOf(event), () => undefined);
    return fault;
  }

  #set(key: string, expiresAtMs: number | null): void {
    if (expiresAtMs !== null) this.#keys.set(key, { value: '', seq: 1, tag: 0, timeMs: 0, expiresAtMs });
    else if (this.#keys.count > 0) this.#keys.delete(key);
  }

  #faultOf(keys: readonly string[], timeMs: number): ExpiryFault | undefined {
    const expected = `keys that had expired by ${new Date(timeMs).toISOString()}`;
    for (const key of keys) {
      const expiresAtMs = this.#keys.expiryOf(key);
      if (hasExpired(expiresAtMs, timeMs)) continue;
      const what = expiresAtMs === null ? 'has no expiry or does not exist' : `expires at ${new Date(expiresAtMs).toISOString()}`;
      return { expected, found: `${JSON.stringify(key)}, which ${what}` };
    }
    return undefined;
  }
}
