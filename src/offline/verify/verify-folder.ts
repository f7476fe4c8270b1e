/**
 * Verifies a data folder: the registry, every project that has files in it, and every project that should.
 */
import { countText } from '../../base/count-text.js';
import type { Finding } from '../../base/finding.js';
import { isProjectId } from '../../events/project-id.js';
import type { Registration } from '../../projections/registrations.js';
import { findKnownProjects } from '../folder-projects.js';
import { readLogFates } from '../log-fates.js';
import { readRegistry, REGISTRY } from '../registry.js';
import { checkRegistry } from './check-registry.js';
import { withLines } from './findings.js';
import { factsOf, type ProjectVerdict, verifyProject, type VerifyOptions } from './verify-project.js';

/**
 * Verifies a data folder, or one project in it. With checkpoints, also compares them, those of projects without files included.
 *
 * @param only the project to verify; undefined: the registry and all projects
 */
export async function* verifyFolder(options: VerifyOptions, only?: string): AsyncGenerator<ProjectVerdict> {
  if (only !== REGISTRY && only !== undefined) {
    yield await verify(only, options);
    return;
  }
  yield await verifyRegistry(options);
  if (only !== undefined) return;
  const { ids } = await findKnownProjects(options.disk, options.dataFolder, options.signal);
  for (const project of ids) yield await verify(project, options);
  const absent = options.checkpoints?.projects.filter((project) => !ids.includes(project)) ?? [];
  for (const project of absent) yield await withCheckpoints({ project, findings: [], notes: [], ...factsOf(undefined) }, options);
}

async function verifyRegistry({ disk, dataFolder, signal }: VerifyOptions): Promise<ProjectVerdict> {
  const { log, findings, snapshots } = await checkRegistry(disk, dataFolder, signal);
  const file = `${REGISTRY}.jsonl`;
  const missing: Finding = { file, offset: 0, expected: 'the registry', found: 'no such file', kind: 'missing' };
  const unfinished = log?.unfinishedBytes ?? 0;
  return {
    project: REGISTRY, findings: await withLines(disk, dataFolder, log === undefined ? [missing] : findings),
    notes: unfinished > 0 ? [`${countText(unfinished, 'byte')} at the end: not a whole line`] : [],
    ...factsOf(log, snapshots),
  };
}

async function verify(project: string, options: VerifyOptions): Promise<ProjectVerdict> {
  return await withCheckpoints(await verifyFiles(project, options), options);
}

/** Adds what became of the checkpoints of a project. */
async function withCheckpoints(verdict: ProjectVerdict, { checkpoints, disk, dataFolder, signal }: VerifyOptions): Promise<ProjectVerdict> {
  if (checkpoints === undefined) return verdict;
  const judged = await checkpoints.of(verdict.project).judge(verdict, () => readLogFates(disk, dataFolder, signal));
  const { findings, notes } = verdict;
  return { ...verdict, findings: [...findings, ...judged.findings], notes: [...notes, ...judged.notes], checkpoints: judged };
}

async function verifyFiles(project: string, options: VerifyOptions): Promise<ProjectVerdict> {
  const registration = async (): Promise<Registration | undefined> => {
    const known = await readRegistration(project, options);
    return typeof known === 'object' && known.state === 'live' ? known : undefined;
  };
  const verdict = await verifyProject(project, registration, options);
  const known = await readRegistration(project, options);
  const state = typeof known === 'object' ? known.state : undefined;
  const withNote = (note: string): ProjectVerdict => ({ ...verdict, notes: [...verdict.notes, note] });
  if (verdict.findings.length > 0 || verdict.logId === undefined) {
    // A running server may have deleted the project, or moved it to memory, while it was read: then nothing is a finding.
    const isGone = state !== undefined && state !== 'live';
    return isGone ? { ...withNote('the project was deleted or moved to memory'), findings: [] } : verdict;
  }
  if (state === 'live') return verdict;
  if (state !== undefined) return withNote(`it is registered as ${state === 'left' ? 'moved to memory' : state}`);
  if (known === undefined) return withNote('the registry does not know it');
  return withNote(`the registry is ${known === 'absent' ? 'missing' : 'damaged'}, so it cannot say whether this project is live`);
}

/** Reads what the registry records of a project now: a running server may have changed it since the last time. */
async function readRegistration(
  project: string, { disk, dataFolder, signal }: VerifyOptions,
): Promise<Registration | 'absent' | 'damaged' | undefined> {
  const { log, findings, registrations } = await readRegistry(disk, dataFolder, { signal });
  if (log === undefined) return 'absent';
  return findings.length > 0 ? 'damaged' : registrations.get(project);
}

/** Tells whether a text is the registry's name or can be a project's id. */
export function isProjectName(text: string): boolean {
  return text === REGISTRY || isProjectId(text);
}
