/**
 * What a person does about a verdict: the command to run next, or why there is none.
 */
import { programCommand } from '../base/program-command.js';
import { isLogSound } from '../offline/verify/findings.js';
import type { ProjectVerdict } from '../offline/verify/verify-project.js';
import { REGISTRY } from '../offline/registry.js';
import type { FolderOptions } from './data-folder.js';
import { hasNewerFormat, verdictKindOf } from './verdict-kind.js';

/**
 * Says what to do about a verdict.
 *
 * @returns one line; undefined when nothing is wrong
 */
export function nextStep(verdict: ProjectVerdict, options: FolderOptions): string | undefined {
  const { project, findings } = verdict;
  const kind = verdictKindOf(verdict);
  if (kind === 'sound') return undefined;
  // Also beside other faults: a repair by this version would drop what only the newer one can read.
  if (hasNewerFormat(findings)) return 'a newer version wrote it: run that version. It is no damage, so do not repair it';
  if (isLogSound(findings)) return snapshotStep(project);
  if (kind === 'missing' && project !== REGISTRY) return 'mount the volume, or put the files back from a copy';
  const repair = programCommand(['repair', project, ...folderWords(options)]);
  if (kind === 'outdated') return `put the newer files back. To go on with these: ${repair} (changes nothing yet; says what would be lost)`;
  const next = `stop the server, then: ${repair} (changes nothing yet; says what can be kept and what would be lost)`;
  const isAbsent = project === REGISTRY && findings.some((finding) => finding.kind === 'missing');
  return isAbsent ? `where this is a copy of single projects, verify each by its name. Otherwise ${next}` : next;
}

/**
 * Says what becomes of damaged snapshots whose log is sound.
 *
 * @param project the project's id, or `_server`
 */
export function snapshotStep(project: string): string {
  const compact = `POST /api/v1/projects/${project}/compact`;
  const made = project === REGISTRY ? 'a later snapshot takes its place' : `makes a new one; ${compact} does so at once`;
  const state = 'only snapshots are damaged; the log is sound, and no value is lost';
  return `${state}. The server reads an older snapshot or the whole log instead, and ${made}`;
}

/** The options that name the same folder again. */
export function folderWords({ config, data }: FolderOptions): readonly string[] {
  if (data !== undefined) return ['--data', data];
  return config === undefined ? [] : ['--config', config];
}
