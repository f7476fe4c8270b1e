/**
 * What a person does about a verdict: the command to run next, or why there is none.
 */
import type { ProjectVerdict } from '../offline/verify-project.js';
import { SERVER_LOG } from '../offline/server-registrations.js';
import type { FolderOptions } from './data-folder.js';
import { shellLine } from './shell-line.js';

/** What is found in place of a registry that is not there. */
const NO_SUCH_FILE = 'no such file';

/** How the program says that a file is of a later version than itself. */
const NEWER_FORMAT = /\bunknown to this version\b/;

/**
 * Tells whether all that is wrong with a project is in snapshots, which a server makes anew from its log.
 *
 * @param verdict what was found
 * @returns true when the log itself is sound
 */
export function isLogSound({ project, findings }: Pick<ProjectVerdict, 'project' | 'findings'>): boolean {
  return findings.every(({ file }) => file === `${project}.json` || file.startsWith(`${project}/snap-`));
}

/**
 * Says what to do about a verdict.
 *
 * @param verdict what was found
 * @param options how the command line named the folder
 * @returns one line; undefined when nothing is wrong
 */
export function nextStep(verdict: ProjectVerdict, options: FolderOptions): string | undefined {
  const { project, findings } = verdict;
  if (findings.length === 0) return undefined;
  if (findings.some(({ found }) => NEWER_FORMAT.test(found))) {
    return 'a newer version wrote it: run that version. It is no damage, so do not repair it';
  }
  if (isLogSound(verdict)) return snapshotStep(project);
  const repair = shellLine(['simplekv', 'repair', project, ...folderWords(options)]);
  const next = `stop the server, then: ${repair} (changes nothing yet; says what can be kept and what would be lost)`;
  const isAbsent = project === SERVER_LOG && findings.some(({ file, found }) => file === `${SERVER_LOG}.jsonl` && found === NO_SUCH_FILE);
  return isAbsent ? `where this is a copy of single projects, verify each by its name. Otherwise ${next}` : next;
}

/**
 * Says what becomes of damaged snapshots whose log is sound.
 *
 * @param project the project's id, or `_server`
 * @returns one line
 */
export function snapshotStep(project: string): string {
  const made = project === SERVER_LOG ? 'a later snapshot takes its place' : `POST /api/v1/projects/${project}/compact makes a new one`;
  return `the log is sound, and no value is lost. The server uses an older snapshot or the whole log, and ${made}`;
}

/**
 * The options that name the same folder again.
 *
 * @param options how the command line named it
 * @returns words of a command
 */
export function folderWords({ config, data }: FolderOptions): readonly string[] {
  if (data !== undefined) return ['--data', data];
  return config === undefined ? [] : ['--config', config];
}
