/**
 * What a verdict amounts to, in one word: damage, files that are not there, an older copy and a newer format are four things.
 */
import type { FindingKind } from '../base/finding.js';
import type { ProjectVerdict } from '../offline/verify/verify-project.js';

/**
 * - `sound`: nothing is wrong.
 * - `newer`: a newer version wrote what cannot be read; nothing is known to be damaged.
 * - `missing`: the log is not there.
 * - `outdated`: the log is sound, and ends before what its head, a snapshot or the registry proves.
 * - `damaged`: anything else.
 */
export type VerdictKind = 'sound' | 'newer' | 'missing' | 'outdated' | 'damaged';

const WORDS = {
  newer_format: 'newer', missing: 'missing', outdated: 'outdated', snapshot: 'damaged',
} as const satisfies Record<FindingKind, VerdictKind>;

/**
 * Says what a verdict amounts to.
 *
 * @returns the kind that every finding is of; `damaged` where they differ
 */
export function verdictKindOf({ findings }: Pick<ProjectVerdict, 'findings'>): VerdictKind {
  if (findings.length === 0) return 'sound';
  const kinds = new Set(findings.map(({ kind }) => kind));
  const [only] = kinds;
  return kinds.size === 1 && only !== undefined ? WORDS[only] : 'damaged';
}

/**
 * Tells whether a newer version wrote some of it, beside whatever else is wrong: a repair by this one would drop what it cannot read.
 *
 * @returns true where it did
 */
export function hasNewerFormat(findings: readonly { readonly kind?: FindingKind | undefined }[]): boolean {
  return findings.some(({ kind }) => kind === 'newer_format');
}
