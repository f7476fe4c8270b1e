/**
 * What a project is, apart from its data: settings, key id, times, and how they came about.
 */
import { invariant } from '../base/invariant.js';
import type { ProjectEvent, Recorded } from '../events/event.js';
import type { ProjectSettings } from '../events/project-settings.js';
import type { Projection } from './projection.js';

/** The state after one project event. */
export interface ProjectVersion {
  /** The event's place: the revision that an entry of the configuration file carries. */
  readonly seq: number;
  readonly settings: ProjectSettings;
  readonly keyId: string | null;
  readonly timeMs: number;
}

/** Settings and their history. */
export class ProjectStateProjection implements Projection<ProjectEvent> {
  readonly #versions: ProjectVersion[] = [];

  /** All versions, oldest first. */
  get versions(): readonly ProjectVersion[] {
    return this.#versions;
  }

  /** The newest version; undefined for a log without a project event. */
  get newest(): ProjectVersion | undefined {
    return this.#versions.at(-1);
  }

  /** The first version; undefined for a log without a project event. */
  get first(): ProjectVersion | undefined {
    return this.#versions[0];
  }

  /**
   * The state as of a seq.
   *
   * @param seq any seq, from 1
   * @returns the newest version at or below it
   */
  at(seq: number): ProjectVersion | undefined {
    return this.#versions.findLast((version) => version.seq <= seq);
  }

  /** {@inheritDoc Projection.apply} */
  apply({ event, seq, timeMs }: Recorded<ProjectEvent>): void {
    const isFirst = this.#versions.length === 0;
    if (event.op === 'project.create') invariant(isFirst, `seq ${seq} creates a project that did not exist`);
    else invariant(!isFirst, `seq ${seq} happens to a project that exists`);
    if (!event.op.startsWith('project.')) return;
    invariant('settings' in event, 'project events carry settings');
    this.#versions.push({ seq, settings: event.settings, keyId: event.key_id, timeMs });
  }
}
