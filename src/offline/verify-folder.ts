/**
 * Checks a data folder: the registry, every project that lies there, and every project that should.
 */
import { countText } from '../base/count-text.js';
import type { Finding } from '../base/finding.js';
import { isProjectId } from '../events/project-id.js';
import type { Registration } from '../projections/registrations.js';
import { checkServerLog } from './check-server-log.js';
import { withLines } from './findings.js';
import { findProjects } from './known-projects.js';
import { readRegistrations, SERVER_LOG } from './server-registrations.js';
import { type ProjectVerdict, verifyProject, type VerifyOptions } from './verify-project.js';

/**
 * Verifies a data folder, or one project in it.
 *
 * @param only the project to verify; undefined: all of them and the registry
 */
export async function* verifyFolder(options: VerifyOptions, only?: string): AsyncGenerator<ProjectVerdict> {
  const folder = new FolderVerification(options);
  if (only !== SERVER_LOG && only !== undefined) {
    yield await folder.verify(only);
    return;
  }
  yield await folder.verifyServerLog();
  if (only === undefined) for (const project of await folder.projects()) yield await folder.verify(project);
}

/** A data folder under verification. */
class FolderVerification {
  readonly #options: VerifyOptions;

  constructor(options: VerifyOptions) {
    this.#options = options;
  }

  /** Asked anew each time: a server may have recorded something since. */
  async #registration(project: string): Promise<Registration | undefined> {
    const { disk, dataFolder, signal } = this.#options;
    const { log, findings, registrations } = await readRegistrations(disk, dataFolder, { signal });
    return log === undefined || findings.length > 0 ? undefined : registrations.get(project);
  }

  async verifyServerLog(): Promise<ProjectVerdict> {
    const { disk, dataFolder, signal } = this.#options;
    const { log, findings, snapshots, snapshotBytes } = await checkServerLog(disk, dataFolder, signal);
    const file = `${SERVER_LOG}.jsonl`;
    const missing: Finding = { file, offset: 0, expected: 'the registry', found: 'no such file', kind: 'missing' };
    const located: readonly Finding[] = await withLines(disk, dataFolder, log === undefined ? [missing] : findings);
    const unfinished = log?.unfinishedBytes ?? 0;
    const notes = unfinished > 0 ? [`${countText(unfinished, 'byte')} at the end: not a whole line`] : [];
    return {
      project: SERVER_LOG, findings: located, notes,
      logId: log?.logId, firstSeq: log?.firstSeq ?? 0, lastSeq: log?.end?.seq ?? 0, lineCount: log?.lineCount ?? 0, snapshots,
      segmentCount: log?.segmentCount ?? 0, bytes: (log?.storedBytes ?? 0) + snapshotBytes,
    };
  }

  /** Those that have a log or a folder here, and those that should have. */
  async projects(): Promise<readonly string[]> {
    const { disk, dataFolder, signal } = this.#options;
    return (await findProjects(disk, dataFolder, signal)).ids;
  }

  async verify(project: string): Promise<ProjectVerdict> {
    const registration = async (): Promise<Registration | undefined> => {
      const known = await this.#registration(project);
      return known?.state === 'live' ? known : undefined;
    };
    const verdict = await verifyProject(project, registration, this.#options);
    if (verdict.findings.length === 0 && verdict.logId !== undefined) return await this.#noteRegistration(verdict);
    // Deleted or moved away while it was read: then nothing of it is a finding.
    const now = await this.#registration(project);
    const isGone = now !== undefined && now.state !== 'live';
    return isGone ? { ...verdict, findings: [], notes: [...verdict.notes, 'the project was deleted, or has left the disk'] } : verdict;
  }

  async #noteRegistration(verdict: ProjectVerdict): Promise<ProjectVerdict> {
    const { disk, dataFolder, signal } = this.#options;
    const { log, findings, registrations } = await readRegistrations(disk, dataFolder, { signal });
    const state = registrations.get(verdict.project)?.state;
    const isKnown = log !== undefined && findings.length === 0;
    if (isKnown && state === 'live') return verdict;
    const registered = state === undefined ? 'the registry does not know it' : `it is registered as ${state}`;
    const unknown = `the registry is ${log === undefined ? 'not there' : 'damaged'}, so it cannot say whether this project is live`;
    return { ...verdict, notes: [...verdict.notes, isKnown ? registered : unknown] };
  }
}

/**
 * Tells whether a text can be a project's id, or is the registry.
 *
 * @returns true when it is one
 */
export function isProjectName(text: string): boolean {
  return text === SERVER_LOG || isProjectId(text);
}
