/**
 * All read models of one project, fed from one log.
 */
import { invariant } from '../base/invariant.js';
import { keyChangesOf, type ProjectEvent, type Recorded } from '../events/event.js';
import { ChangedBytes } from './changed-bytes.js';
import { type CachingOptions, KeyValues } from './key-values.js';
import { ProjectStateProjection } from './project-state.js';
import type { Projection } from './projection.js';
import type { KeyCensus, SnapshotPosition } from './snapshot/snapshot.js';

/** The part of a snapshot besides keys and values. */
export interface ModelPoint extends KeyCensus {
  /** The last event in it. */
  readonly seq: number;
  /** Time of that event, in milliseconds since 1970. */
  readonly timeMs: number;
  /** For {@link ProjectModel.restore}; serializable as JSON. */
  readonly state: unknown;
}

/** The state of a project after the events of its log. */
export class ProjectModel implements Projection<ProjectEvent> {
  readonly values: KeyValues;
  readonly state = new ProjectStateProjection();
  readonly #changed = new ChangedBytes();
  #lastSeq = 0;
  #snapshotSeq: number | null = null;
  #lastTimeMs = 0;

  constructor(options: CachingOptions = {}) {
    this.values = new KeyValues(options);
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

  /** Seq of the newest snapshot that {@link noteSnapshot} recorded; null if there was none. */
  get snapshotSeq(): number | null {
    return this.#snapshotSeq;
  }

  /**
   * Continues from a snapshot, before the first event is applied. Keys and values are restored one by one with `values.restore`, before or
   * after this call.
   *
   * @param state from {@link snapshotPoint}
   * @throws {SavedStateError} when it is not a state of that seq
   */
  restore({ seq, timeMs }: Pick<SnapshotPosition, 'seq' | 'timeMs'>, state: unknown): void {
    invariant(this.#lastSeq === 0 && seq >= 1, 'a model continues from a snapshot before anything is applied');
    this.state.restore(state, seq);
    this.#lastSeq = seq;
    this.#lastTimeMs = timeMs;
  }

  /** {@inheritDoc Projection.apply} */
  apply(recorded: Recorded<ProjectEvent>): void {
    const { seq } = recorded;
    invariant(seq === this.#lastSeq + 1, () => `events are applied in order: ${seq} does not follow ${this.#lastSeq}`);
    this.state.apply(recorded);
    this.values.apply(recorded);
    this.#changed.add(sizeOf(recorded));
    this.#lastSeq = seq;
    this.#lastTimeMs = recorded.timeMs;
  }

  /** Returns the part of a snapshot of this moment besides keys and values. */
  snapshotPoint(): ModelPoint {
    this.#changed.mark(this.#lastSeq);
    const { count: keyCount, keySum } = this.values;
    return { seq: this.#lastSeq, timeMs: this.#lastTimeMs, keyCount, keySum, state: this.state.save() };
  }

  /**
   * Records that a snapshot is committed.
   *
   * @param seq the seq of its point
   */
  noteSnapshot(seq: number): void {
    this.#changed.noteSnapshot(seq);
    this.#snapshotSeq = seq;
  }
}

/** Bytes of an event's fields; an estimate if no log has stored them. */
function sizeOf({ event, place }: Recorded<ProjectEvent>): number {
  if (place !== undefined) return place.sizeBytes;
  return keyChangesOf(event).reduce((sum, change) => sum + change.key.length + ('value' in change ? change.value.length : 0), 0);
}
