/**
 * The settings of a project over time, as its log has them, for the comparison with config.json. Knows nothing of logs.
 */
import { invariant } from '../base/invariant.js';
import type { ProjectSettings } from '../events/project-settings.js';

/** The settings after a project event: `project.create`, `project.update` or `project.key`. */
export interface SettingsVersion {
  /** The event's seq. */
  readonly seq: number;
  readonly settings: ProjectSettings;
  /** 16 hexadecimal digits; null without an API key. */
  readonly keyId: string | null;
}

/** The known versions of the settings. */
export interface ProjectHistory {
  /** After the first project event of the log. */
  readonly first: SettingsVersion;
  /** After the last one. */
  readonly newest: SettingsVersion;
  /** The seq of the newest event that a revision may name: that version, or a later event about the listed API keys. */
  readonly lastSeq: number;
  /**
   * @returns the version that applied at that seq; undefined before the first; `unknown` if that version is no longer known
   */
  at(revision: number): SettingsVersion | 'unknown' | undefined;
}

/** The versions that a list lacks. */
export interface HistoryGap {
  /** True: there may have been others between the first version and the second. */
  readonly isTrimmed: boolean;
  /** One of them, looked up in the log by its seq. */
  readonly recalled?: SettingsVersion | undefined;
}

/** Whether a revision may be one that a list lacks: it is between the first version and the second. */
export function isInGap(versions: readonly SettingsVersion[], revision: number): boolean {
  const [first, second] = versions;
  return first !== undefined && second !== undefined && revision > first.seq && revision < second.seq;
}

/**
 * Makes a history of a list.
 *
 * @param versions at least one, by rising seq
 * @param lastAccessSeq the seq of the newest event about the listed API keys. @default none
 */
export function historyOf(
  versions: readonly SettingsVersion[], gap: HistoryGap = { isTrimmed: false }, lastAccessSeq = 0,
): ProjectHistory {
  const [first] = versions;
  const newest = versions.at(-1);
  invariant(first !== undefined && newest !== undefined, 'a log has a project event');
  const isRising = versions.every((version, index) => version.seq > (versions[index - 1]?.seq ?? 0));
  invariant(isRising, 'project events come by rising seq');
  const at = (revision: number): SettingsVersion | 'unknown' | undefined => {
    if (!gap.isTrimmed || !isInGap(versions, revision)) return versions.findLast((version) => version.seq <= revision);
    return gap.recalled?.seq === revision ? gap.recalled : 'unknown';
  };
  return { first, newest, lastSeq: Math.max(newest.seq, lastAccessSeq), at };
}
