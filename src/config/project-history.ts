/**
 * What a project's log says of its settings over time, as the comparison with config.json needs it. Knows nothing of logs.
 */
import { invariant } from '../base/invariant.js';
import type { ProjectSettings } from '../events/project-settings.js';

/** A project after one of its project events: `project.create`, `project.update` or `project.key`. */
export interface ProjectVersion {
  /** The event's seq. */
  readonly seq: number;
  readonly settings: ProjectSettings;
  /** 16 hexadecimal digits, null where there is no key. */
  readonly keyId: string | null;
}

/** All versions of a project. */
export interface ProjectHistory {
  /** After the first project event of the log. */
  readonly first: ProjectVersion;
  /** After the last one. */
  readonly newest: ProjectVersion;
  /**
   * @param revision any seq
   * @returns the version that held at that seq, that is after the newest project event up to it; undefined before the first
   */
  at(revision: number): ProjectVersion | undefined;
}

/**
 * Makes a history of a list.
 *
 * @param versions at least one, by rising seq
 * @returns the history
 * @throws {InvariantError} for an empty list, or one out of order
 */
export function historyOf(versions: readonly ProjectVersion[]): ProjectHistory {
  const [first] = versions;
  const newest = versions.at(-1);
  invariant(first !== undefined && newest !== undefined, 'a log has a project event');
  const isRising = versions.every((version, index) => version.seq > (versions[index - 1]?.seq ?? 0));
  invariant(isRising, 'project events come by rising seq');
  return { first, newest, at: (revision) => versions.findLast((version) => version.seq <= revision) };
}
