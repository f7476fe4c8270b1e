/**
 * All read models of one project, fed from one log.
 */
import { invariant } from '../base/invariant.js';
import type { ProjectEvent, Recorded } from '../events/event.js';
import { KeyValues } from './key-values.js';
import { ProjectStateProjection } from './project-state.js';
import type { Projection } from './projection.js';

/** What a project's log amounts to. */
export class ProjectModel implements Projection<ProjectEvent> {
  /** Keys and values. */
  readonly values = new KeyValues();
  /** Settings. */
  readonly state = new ProjectStateProjection();
  #lastSeq = 0;

  /** The seq of the last event that was applied. */
  get lastSeq(): number {
    return this.#lastSeq;
  }

  /** {@inheritDoc Projection.apply} */
  apply(recorded: Recorded<ProjectEvent>): void {
    invariant(recorded.seq === this.#lastSeq + 1, `events are applied in order: ${recorded.seq} does not follow ${this.#lastSeq}`);
    this.state.apply(recorded);
    this.values.apply(recorded);
    this.#lastSeq = recorded.seq;
  }
}
