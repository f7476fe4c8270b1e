/**
 * Values of earlier moments that were erased since. Where a state of then is built, `null` stands for such a value, with spaces if it comes
 * from the snapshot that the log continues from; so a value that is anything else was not erased.
 */
import { erasedVersions } from '../events/redaction.js';
import { eventOf, valueRedacted } from './event-of-line.js';
import { readPastKey } from './past-key.js';
import type { PastEntry, PastSlice, PastState } from './past-state.js';
import type { ProjectStore } from './project-store.js';

const MAY_BE_ERASED = /^(?:null|0) *$/;

/** A past state that gives no value that was erased. */
export class UnerasedState implements PastState {
  readonly #store: ProjectStore;
  readonly #state: PastState;

  constructor(store: ProjectStore, state: PastState) {
    this.#store = store;
    this.#state = state;
  }

  get seq(): number {
    return this.#state.seq;
  }

  get timeMs(): number {
    return this.#state.timeMs;
  }

  get count(): number {
    return this.#state.count;
  }

  get(key: string): Promise<PastEntry | undefined> {
    return this.#state.get(key);
  }

  countIn(range: Parameters<PastState['countIn']>[0]): Promise<number> {
    return this.#state.countIn(range);
  }

  slice(range: Parameters<PastState['slice']>[0], limit: number): Promise<PastSlice> {
    return this.#state.slice(range, limit);
  }

  async load(entries: readonly PastEntry[]): Promise<readonly string[]> {
    const values = await this.#state.load(entries);
    if (this.#store.redactions.newest === undefined) return values;
    for (const [index, value] of values.entries()) {
      const entry = entries[index];
      if (entry !== undefined && MAY_BE_ERASED.test(value)) await this.#refuseErased(entry);
    }
    return values;
  }

  /**
   * The history of the key tells, as for a read of that key alone; for a value that is older than the log, its redactions do. Lines of the
   * log may have given that one another expiry, and with it another version than the one that was erased.
   */
  async #refuseErased({ key }: PastEntry): Promise<void> {
    const found = await readPastKey(this.#store, key, this.seq, () => undefined);
    if (found.isKnown) return;
    const { feed } = this.#store;
    for await (const { events } of feed.read({ afterSeq: feed.oldestSeq - 1, untilSeq: feed.end.seq, op: 'redact' })) {
      for (const line of events) {
        const event = eventOf(line);
        if (event.op !== 'redact') continue;
        // Without a digest: of lines that the log no longer had, whose values were erased in the snapshot that it continues from.
        const gone = { lines: event.lines.filter(({ digest }) => digest === null) };
        const erased = erasedVersions(gone).find((each) => each.key === key);
        if (erased !== undefined) throw valueRedacted(erased.seq);
      }
    }
  }
}
