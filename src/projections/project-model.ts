/**
 * All read models of one project, fed from one log.
 */
import { invariant } from '../base/invariant.js';
import { keyChangesOf, type LinesRedacted, type ProjectEvent, rangeOf, type Recorded } from '../events/event.js';
import { ChangedBytes } from './changed-bytes.js';
import { type CachingOptions, KeyValues } from './key-values.js';
import { ProjectStateProjection } from './project-state.js';
import type { Projection } from './projection.js';
import type { KeptRecords } from './requests/request-records.js';
import { RequestWindow, type WindowLimits } from './requests/request-window.js';
import type { KeyCensus, SnapshotPosition } from './snapshot/snapshot.js';

/** The last event in a snapshot: its seq, and its time in milliseconds since 1970. */
export type SnapshotMoment = Pick<SnapshotPosition, 'seq' | 'timeMs'>;

/** The part of a snapshot besides keys and values. */
export interface ModelPoint extends KeyCensus {
  /** The last event in it. */
  readonly seq: number;
  /** Time of that event, in milliseconds since 1970. */
  readonly timeMs: number;
  /** For {@link ProjectModel.restore}; serializable as JSON. */
  readonly state: unknown;
  /** The requests that are remembered. */
  readonly requests: KeptRecords;
}

/** Options of a {@link ProjectModel}. */
interface ModelOptions extends CachingOptions {
  /** How much is remembered of requests. @default that of the contract, for this project alone */
  readonly requests?: WindowLimits | undefined;
}

/** A redaction whose values may still be in files: those are erased before the next snapshot is committed. */
export interface UnfinishedRedaction {
  /** The seq of its line. */
  readonly seq: number;
  readonly event: LinesRedacted;
}

/** The state of a project after the events of its log. */
export class ProjectModel implements Projection<ProjectEvent> {
  readonly values: KeyValues;
  readonly state = new ProjectStateProjection();
  /** The requests that are to take effect once. */
  readonly requests: RequestWindow;
  readonly #changed = new ChangedBytes();
  #lastSeq = 0;
  #snapshot: SnapshotMoment | null = null;
  #lastTimeMs = 0;
  /** Oldest first. */
  #redactions: UnfinishedRedaction[] = [];

  constructor(options: ModelOptions = {}) {
    this.values = new KeyValues(options);
    this.requests = new RequestWindow(options.requests);
  }

  /** The seq of the last applied event; 0 before the first. */
  get lastSeq(): number {
    return this.#lastSeq;
  }

  /** The time of that event, in milliseconds since 1970; 0 before the first. */
  get lastTimeMs(): number {
    return this.#lastTimeMs;
  }

  /** Bytes of the events applied since the newest snapshot that {@link noteSnapshot} recorded. */
  get changedBytes(): number {
    return this.#changed.count;
  }

  /** The newest snapshot that {@link noteSnapshot} recorded; null if there was none. */
  get snapshot(): SnapshotMoment | null {
    return this.#snapshot;
  }

  /** The redactions that no snapshot covers, oldest first. */
  get unfinishedRedactions(): readonly UnfinishedRedaction[] {
    return this.#redactions;
  }

  /**
   * Continues from a snapshot, before the first event is applied. Keys and values are restored one by one with `values.restore`, before or
   * after this call.
   *
   * @param state from {@link snapshotPoint}
   * @throws {SavedStateError} when it is not a state of that seq
   */
  restore({ seq, timeMs }: SnapshotMoment, state: unknown): void {
    invariant(this.#lastSeq === 0 && seq >= 1, 'a model continues from a snapshot before anything is applied');
    this.state.restore(state, seq);
    this.#lastSeq = seq;
    this.#lastTimeMs = timeMs;
  }

  /** {@inheritDoc Projection.apply} */
  apply(recorded: Recorded<ProjectEvent>): void {
    const { seq, idempotencyKey } = recorded;
    invariant(seq === this.#lastSeq + 1, () => `events are applied in order: ${seq} does not follow ${this.#lastSeq}`);
    this.state.apply(recorded);
    if (idempotencyKey !== undefined) this.#remember(recorded, idempotencyKey);
    this.values.apply(recorded);
    this.#changed.add(sizeOf(recorded));
    this.#lastSeq = seq;
    this.#lastTimeMs = recorded.timeMs;
    if (recorded.event.op === 'redact') this.#redactions.push({ seq, event: recorded.event });
  }

  /** Before the event is applied to the values. */
  #remember(recorded: Recorded<ProjectEvent>, key: string): void {
    this.requests.apply(recorded, key, this.#countOf(recorded));
  }

  /** How many keys a `set` creates, or a deletion of many deletes, of those that a read shows, or a batch changes. */
  #countOf({ event, timeMs }: Recorded<ProjectEvent>): number {
    switch (event.op) {
      case 'set':
      case 'set.until':
        return this.values.versionOf(event.key) === 0 ? 1 : 0;
      case 'clear':
        return event.count - this.values.expiredCount(timeMs);
      case 'clear.range':
        return this.values.countIn(rangeOf(event), timeMs);
      case 'batch':
        return event.ops.length;
      default:
        return 0;
    }
  }

  /** Returns the part of a snapshot of this moment besides keys and values. */
  snapshotPoint(): ModelPoint {
    this.#changed.mark(this.#lastSeq);
    const { count: keyCount, keySum } = this.values;
    const [seq, timeMs] = [this.#lastSeq, this.#lastTimeMs];
    return { seq, timeMs, keyCount, keySum, state: this.state.save(), requests: this.requests.save(timeMs) };
  }

  /** Gives up memory that projects share: the model is not used any more. */
  release(): void {
    this.requests.clear();
  }

  /** Records that the snapshot of a point is committed. */
  noteSnapshot({ seq, timeMs }: SnapshotMoment): void {
    this.#changed.noteSnapshot(seq);
    this.#snapshot = { seq, timeMs };
    this.finishRedactions(seq);
  }

  /** Records that nothing has the values any more that redactions up to a seq have named. */
  finishRedactions(seq: number): void {
    this.#redactions = this.#redactions.filter((redaction) => redaction.seq > seq);
  }
}

/** Bytes of an event's fields; an estimate if no log has stored them. */
function sizeOf({ event, place }: Recorded<ProjectEvent>): number {
  if (place !== undefined) return place.sizeBytes;
  return keyChangesOf(event).reduce((sum, change) => sum + change.key.length + ('value' in change ? change.value.length : 0), 0);
}
