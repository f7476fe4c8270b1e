/**
 * What verification of a project amounts to, in one word, and the command to run next.
 */
import type { Finding, FindingKind } from '../base/finding.js';
import { programCommand } from '../base/program-command.js';
import { REGISTRY } from '../offline/registry.js';
import { isLogSound } from '../offline/verify/findings.js';
import { isProjectName } from '../offline/verify/verify-folder.js';
import type { ProjectVerdict } from '../offline/verify/verify-project.js';
import type { FolderOptions } from './run-command.js';

/**
 * - `sound`: nothing is wrong.
 * - `newer`: a newer version wrote what cannot be read; nothing is known to be damaged.
 * - `missing`: the log does not exist.
 * - `outdated`: the log is sound but ends before what its head, a snapshot or the registry proves.
 * - `altered`: the log is sound by itself, but is not the one that a checkpoint proves.
 * - `damaged`: anything else.
 */
export type VerdictKind = 'sound' | 'newer' | 'missing' | 'outdated' | 'altered' | 'damaged';

const WORDS = {
  newer_format: 'newer', missing: 'missing', outdated: 'outdated', altered: 'altered', snapshot: 'damaged',
} as const satisfies Record<FindingKind, VerdictKind>;

/** The kind that all findings have in common; `damaged` if they differ. */
export function verdictKindOf({ findings }: Pick<ProjectVerdict, 'findings'>): VerdictKind {
  if (findings.length === 0) return 'sound';
  const kinds = new Set(findings.map(({ kind }) => kind));
  const [only] = kinds;
  return kinds.size === 1 && only !== undefined ? WORDS[only] : 'damaged';
}

/**
 * Why this version must not repair the files: it would drop what a newer version wrote, whatever else is wrong.
 *
 * @returns undefined if a newer version wrote none of them
 */
export function newerFormatReason(findings: readonly { readonly kind?: FindingKind | undefined }[]): string | undefined {
  const newer = findings.filter(({ kind }) => kind === 'newer_format');
  if (newer.length === 0) return undefined;
  const isAll = newer.length === findings.length;
  return isAll ? 'a newer version wrote it, and no damage was found' : 'a newer version wrote part of it, and there are other faults';
}

/**
 * What to do about a verdict.
 *
 * @returns one line; undefined if nothing is wrong
 */
export function nextStep(verdict: ProjectVerdict, options: FolderOptions): string | undefined {
  const { project, findings } = verdict;
  const kind = verdictKindOf(verdict);
  if (kind === 'sound') return undefined;
  if (!isProjectName(project)) return 'the backup was cut short or changed, so nothing in it counts. Use another one';
  const newer = newerFormatReason(findings);
  if (newer !== undefined) return `${newer}: run that version, and do not repair it with this one`;
  if (isLogSound(findings)) return snapshotStep(project);
  if (kind === 'missing' && project !== REGISTRY) return 'mount the volume, or restore the files from a backup';
  if (kind === 'altered') {
    const verify = programCommand(['verify', '--data', 'BACKUP', '--checkpoint', 'FILE']);
    return `keep a copy of these files and of the checkpoints as evidence. Then restore a backup for which this finds no fault: ${verify}`;
  }
  const repair = programCommand(['repair', project, ...folderWords(options)]);
  if (kind === 'outdated') {
    return `restore the newer files. To continue with these: ${repair} (changes nothing yet; shows what would be lost)`;
  }
  const next = `stop the server, then: ${repair} (changes nothing yet; shows what can be kept and what would be lost)`;
  const isAbsent = project === REGISTRY && findings.some((finding) => finding.kind === 'missing');
  return isAbsent ? `if this folder holds copies of individual projects only, verify each by name; otherwise ${next}` : next;
}

/**
 * What happens to damaged snapshots of a sound log.
 *
 * @param project the project's id, or `_server`
 */
export function snapshotStep(project: string): string {
  const compact = `POST /api/v1/projects/${project}/compact`;
  const replacement = project === REGISTRY ? 'a later snapshot replaces it' : `replaces it; ${compact} does so at once`;
  const state = 'only snapshots are damaged; the log is sound, and no value is lost';
  return `${state}. The server reads an older snapshot or the whole log instead, and ${replacement}`;
}

/** The options that name the same folder again. */
export function folderWords({ config, data }: FolderOptions): readonly string[] {
  if (data !== undefined) return ['--data', data];
  return config === undefined ? [] : ['--config', config];
}

/** A finding on a line. Offset 0 without a line number stands for the whole file: it does not exist, or has no lines. */
export function findingText({ file, line, offset, seq, expected, found }: Finding): string {
  const byte = line === undefined && offset === 0 ? '' : `, byte ${offset}`;
  const place = [line === undefined ? '' : ` line ${line}`, byte, seq === undefined ? '' : `, seq ${seq}`].join('');
  return `  ${file}${place}: expected ${expected}; found ${found}`;
}
