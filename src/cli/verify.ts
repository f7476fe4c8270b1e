/**
 * The command `verify`: checks everything in a data folder and changes nothing.
 */
import { NodeDisk } from '../disk/node-disk.js';
import type { Finding } from '../offline/findings.js';
import { isProjectName, verifyFolder } from '../offline/verify-folder.js';
import type { ProjectVerdict } from '../offline/verify-project.js';
import { findDataFolder, type FolderOptions, UsageError } from './data-folder.js';
import { Progress } from './progress.js';
import { print, withScratchFolder } from './run-command.js';

/** What the command line says. */
export interface VerifyCommandOptions extends FolderOptions {
  readonly json?: boolean;
}

/**
 * Verifies what lies in a data folder.
 *
 * @param project one project, or `_server`; undefined: everything
 * @param options which folder, and in which form the result is printed
 * @returns true when everything is sound
 * @throws {UsageError} when the project's id cannot be one
 */
export async function verify(project: string | undefined, options: VerifyCommandOptions): Promise<boolean> {
  if (project !== undefined && !isProjectName(project)) throw new UsageError(`Cannot verify "${project}": that is no project's id`);
  const { dataFolder } = await findDataFolder(options);
  const progress = new Progress(process.stderr);
  return await withScratchFolder(async (scratchFolder, signal) => {
    const verdicts: ProjectVerdict[] = [];
    const onProgress = progress.show.bind(progress);
    for await (const verdict of verifyFolder({ disk: new NodeDisk(), dataFolder, scratchFolder, signal, onProgress }, project)) {
      verdicts.push(verdict);
      progress.clear();
      if (options.json !== true) await print(verdictText(verdict));
    }
    const isSound = verdicts.every(({ findings }) => findings.length === 0);
    if (options.json === true) await print(`${JSON.stringify({ sound: isSound, projects: verdicts.map(verdictDocument) })}\n`);
    return isSound;
  });
}

/** For a person. */
function verdictText({ project, findings, notes, ...facts }: ProjectVerdict): string {
  const counted = `${facts.lineCount} lines, seq ${facts.firstSeq} to ${facts.lastSeq}, snapshots: ${facts.snapshots.join(', ') || 'none'}`;
  const lines = [`${project}: ${findings.length === 0 ? 'sound' : 'DAMAGED'} (${counted})`, ...findings.map(findingText)];
  return [...lines, ...notes.map((note) => `  note: ${note}`), ''].join('\n');
}

function findingText({ file, line, offset, seq, expected, found }: Finding): string {
  const place = [line === undefined ? '' : ` line ${line}`, `, byte ${offset}`, seq === undefined ? '' : `, seq ${seq}`].join('');
  return `  ${file}${place}: expected ${expected}; found ${found}`;
}

/** For a program. */
function verdictDocument({ project, findings, notes, logId, firstSeq, lastSeq, lineCount, snapshots }: ProjectVerdict): object {
  const numbers = { first_seq: firstSeq, last_seq: lastSeq, lines: lineCount, snapshots };
  return { project, sound: findings.length === 0, log_id: logId ?? null, ...numbers, findings, notes };
}
