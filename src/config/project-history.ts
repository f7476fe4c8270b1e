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

/** The known versions of a project. */
export interface ProjectHistory {
  /** After the first project event of the log. */
  readonly first: ProjectVersion;
  /** After the last one. */
  readonly newest: ProjectVersion;
  /**
   * @returns the version that held at that seq, that is after the newest project event up to it; undefined before the first;
   *   `unknown` where the versions of that time are not known any more
   */
  at(revision: number): ProjectVersion | 'unknown' | undefined;
}

/** What a list of versions leaves out. */
export interface HistoryGap {
  /** True: between the first version and the one after it there may have been others. */
  readonly isTrimmed: boolean;
  /** One of those, looked up in the log by its own seq. */
  readonly recalled?: ProjectVersion | undefined;
}

/**
 * Tells whether a revision may be one that a list leaves out.
 *
 * @returns true between the first version and the one after it
 */
export function isInGap(versions: readonly ProjectVersion[], revision: number): boolean {
  const [first, second] = versions;
  return first !== undefined && second !== undefined && revision > first.seq && revision < second.seq;
}

/**
 * Makes a history of a list.
 *
 * @param versions at least one, by rising seq
 * @param gap what the list leaves out @default nothing
 * @throws {InvariantError} for an empty list, or one out of order
 */
export function historyOf(versions: readonly ProjectVersion[], gap: HistoryGap = { isTrimmed: false }): ProjectHistory {
  const [first] = versions;
  const newest = versions.at(-1);
  invariant(first !== undefined && newest !== undefined, 'a log has a project event');
  const isRising = versions.every((version, index) => version.seq > (versions[index - 1]?.seq ?? 0));
  invariant(isRising, 'project events come by rising seq');
  const at = (revision: number): ProjectVersion | 'unknown' | undefined => {
    if (!gap.isTrimmed || !isInGap(versions, revision)) return versions.findLast((version) => version.seq <= revision);
    return gap.recalled?.seq === revision ? gap.recalled : 'unknown';
  };
  return { first, newest, at };
}
