/**
 * Verifies what is in a backup as if it were a data folder, and that its logs end where the manifest says.
 */
import { LogPaths } from '../../log/file/log-paths.js';
import { REGISTRY } from '../registry.js';
import { verifyFolder } from '../verify/verify-folder.js';
import type { ProjectVerdict, VerifyOptions } from '../verify/verify-project.js';
import type { BackedUpLog } from './backup-manifest.js';
import type { OpenedBackup } from './read-backup.js';

/**
 * Verifies the projects in a backup.
 *
 * @param only the project to verify; undefined: the registry and all projects
 */
export async function* verifyBackup(
  { manifest, disk, dataFolder }: OpenedBackup, options: Omit<VerifyOptions, 'disk' | 'dataFolder'>, only?: string,
): AsyncGenerator<ProjectVerdict> {
  const skipped = new Map(manifest.skipped.map(({ id, reason }) => [id, reason]));
  for await (const verdict of verifyFolder({ ...options, disk, dataFolder }, only)) {
    const { project, findings, notes } = verdict;
    const stated = project === REGISTRY ? manifest.registry : manifest.projects.find(({ id }) => id === project);
    const reason = skipped.get(project);
    if (stated === undefined && reason !== undefined) {
      yield { ...verdict, findings: [], notes: [...notes, `it is not in the backup (${reason})`] };
    } else if (findings.length === 0 && !isAsStated(verdict, stated)) {
      const expected = `the log ${stated?.log_id ?? 'of no project'} up to seq ${stated?.last_seq ?? 0}, as the manifest says`;
      const place = { file: new LogPaths(dataFolder, project).activeName, offset: 0 };
      yield { ...verdict, findings: [{ ...place, expected, found: `${verdict.logId ?? 'none'} up to seq ${verdict.lastSeq}` }] };
    } else yield verdict;
  }
}

/** Whether a log ends where the manifest says. A project that only checkpoints know has none. */
function isAsStated({ logId, lastSeq }: ProjectVerdict, stated: BackedUpLog | undefined): boolean {
  return stated?.log_id === logId && (stated === undefined || stated.last_seq === lastSeq);
}
