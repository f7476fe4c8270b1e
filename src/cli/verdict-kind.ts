/**
 * What a verdict amounts to, in one word: damage, files that are not there, an older copy and a newer format are four things.
 */
import type { ProjectVerdict } from '../offline/verify-project.js';

/**
 * - `sound`: nothing is wrong.
 * - `newer`: a newer version wrote what cannot be read; nothing is known to be damaged.
 * - `missing`: the log is not there.
 * - `outdated`: the log is sound, and ends before what its head proves.
 * - `damaged`: anything else.
 */
export type VerdictKind = 'sound' | 'newer' | 'missing' | 'outdated' | 'damaged';

type Finding = ProjectVerdict['findings'][number];

/** How the program says that it cannot read what a later version wrote. */
const NEWER_FORMAT = /\bunknown to this version\b|\bthis version does not know it\b/;

const KINDS: readonly (readonly [kind: VerdictKind, holds: (finding: Finding) => boolean])[] = [
  ['newer', ({ found }) => NEWER_FORMAT.test(found)],
  ['missing', ({ expected, found }) => /^(the active segment|the registry)$/.test(expected) && found === 'no such file'],
  ['outdated', ({ expected, found }) => expected.endsWith('as the head proves') && found.startsWith('the end after seq ')],
];

/**
 * Says what a verdict amounts to.
 *
 * @param verdict what was found
 * @returns the kind that every finding is of; `damaged` where they differ
 */
export function verdictKindOf({ findings }: Pick<ProjectVerdict, 'findings'>): VerdictKind {
  if (findings.length === 0) return 'sound';
  return KINDS.find(([, holds]) => findings.every(holds))?.[0] ?? 'damaged';
}
