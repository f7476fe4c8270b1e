/**
 * What was redacted in a project, and what of it is still to be erased.
 */
import { erasedVersions } from '../events/redaction.js';
import type { ProjectModel, UnfinishedRedaction } from '../projections/project-model.js';
import type { RedactionState } from '../projections/project-state.js';
import type { EventFeed } from './event-feed.js';
import type { ProjectReads } from './project-reads.js';

/** The redactions of one project. */
export class ProjectRedactions {
  readonly #model: ProjectModel;
  readonly #reads: ProjectReads;
  readonly #feed: EventFeed;

  constructor(model: ProjectModel, reads: ProjectReads, feed: EventFeed) {
    this.#model = model;
    this.#reads = reads;
    this.#feed = feed;
  }

  /** The newest one; undefined if there was none. */
  get newest(): RedactionState | undefined {
    return this.#model.state.redaction;
  }

  /** Seq of the newest event that names a key; undefined if it does not exist. A redaction may come after that of its version. */
  newestEventOf(key: string): number | undefined {
    const seq = this.#model.values.versionOf(key);
    return seq === 0 ? undefined : Math.max(seq, this.newest?.seq ?? 0);
  }

  /** Those that no snapshot covers: their values may still be in files. */
  get unfinished(): readonly UnfinishedRedaction[] {
    return this.#model.unfinishedRedactions;
  }

  /** Forgets what is still in memory of values that were erased. Resolves once no read needs a place of them. */
  async forgetErased(): Promise<void> {
    for (const { event } of this.unfinished) this.#reads.forget(erasedVersions(event));
    this.#feed.forgetErased();
    await this.#reads.settleReads();
  }

  /** {@inheritDoc ProjectModel.finishRedactions} */
  finish(seq: number): void {
    this.#model.finishRedactions(seq);
  }
}
