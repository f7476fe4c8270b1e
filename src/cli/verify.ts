/**
 * The command `verify`: checks everything in a data folder and changes nothing.
 */
import { countText } from '../base/count-text.js';
import { NodeDisk } from '../disk/node-disk.js';
import type { Finding } from '../base/finding.js';
import { verifyFolder } from '../offline/verify/verify-folder.js';
import { REGISTRY } from '../offline/registry.js';
import type { ProjectVerdict } from '../offline/verify/verify-project.js';
import { findDataFolder, type FolderOptions } from './data-folder.js';
import { nextStep } from './next-step.js';
import { Progress } from './progress.js';
import { requireProject, requireProjectName } from './require-project.js';
import type { CommandContext } from './run-command.js';
import { withScratchFolder } from './scratch-folder.js';
import { verdictKindOf } from './verdict-kind.js';

/** What the command line says. */
export interface VerifyCommandOptions extends FolderOptions {
  readonly json?: boolean;
}

/** What was checked, all together. */
interface Summary {
  readonly projects: number;
  readonly segments: number;
  readonly lines: number;
  readonly snapshots: number;
  readonly bytes: number;
  readonly duration_ms: number;
  readonly faults: number;
}

/**
 * Verifies what lies in a data folder.
 *
 * @param project one project, or `_server`; undefined: everything
 * @param options which folder, and in which form the result is printed
 * @returns true when everything is sound
 * @throws {UsageError} when the project is not there
 */
export async function verify(
  project: string | undefined, options: VerifyCommandOptions, { output, signal }: CommandContext,
): Promise<boolean> {
  if (project !== undefined) requireProjectName(project, 'verify');
  const startMs = performance.now();
  const found = await findDataFolder(options);
  const disk = new NodeDisk();
  await requireProject(project, found, { command: 'verify', disk, signal });
  const progress = new Progress(process.stderr);
  return await withScratchFolder(async (scratchFolder) => {
    const verdicts: ProjectVerdict[] = [];
    const onProgress = progress.show.bind(progress);
    for await (const verdict of verifyFolder({ disk, dataFolder: found.dataFolder, scratchFolder, signal, onProgress }, project)) {
      verdicts.push(verdict);
      progress.clear();
      if (options.json !== true) await output.print(verdictText(verdict, options));
      // The reader has gone, and nothing that is found from here on makes it sound again.
      if (output.isClosed && verdict.findings.length > 0) break;
    }
    const summary = summaryOf(verdicts, performance.now() - startMs);
    const isSound = summary.faults === 0;
    const document = { sound: isSound, summary, projects: verdicts.map(verdictDocument) };
    await output.print(options.json === true ? `${JSON.stringify(document)}\n` : summaryText(summary));
    return isSound;
  });
}

function summaryOf(verdicts: readonly ProjectVerdict[], durationMs: number): Summary {
  const sum = (count: (verdict: ProjectVerdict) => number): number => verdicts.reduce((total, verdict) => total + count(verdict), 0);
  return {
    projects: verdicts.filter(({ project }) => project !== REGISTRY).length,
    segments: sum(({ segmentCount }) => segmentCount),
    lines: sum(({ lineCount }) => lineCount),
    snapshots: sum(({ snapshots }) => snapshots.length),
    bytes: sum(({ bytes }) => bytes),
    duration_ms: Math.round(durationMs),
    faults: sum(({ findings }) => findings.length),
  };
}

/** One line for a person and for `sed`: names and numbers. */
function summaryText(summary: Summary): string {
  return `summary: ${Object.entries(summary).map(([name, count]) => `${name}=${count}`).join(' ')}\n`;
}

/** For a person. */
function verdictText(verdict: ProjectVerdict, options: VerifyCommandOptions): string {
  const { project, findings, notes, snapshots } = verdict;
  const kind = verdictKindOf(verdict);
  const made = `snapshots: ${snapshots.join(', ') || 'none'}`;
  const facts = kind === 'missing' ? 'the log is not there' : `${linesText(verdict, kind === 'sound')}, ${made}`;
  const lines = [`${project}: ${kind === 'sound' ? kind : kind.toUpperCase()} (${facts})`, ...findings.map(findingText)];
  const next = nextStep(verdict, options);
  return [...lines, ...notes.map((note) => `  note: ${note}`), ...(next === undefined ? [] : [`  next: ${next}`]), ''].join('\n');
}

/** Of a log that is not sound, those lines are counted that were read and hold; which are lacking, nothing says. */
function linesText({ lineCount, firstSeq, lastSeq }: ProjectVerdict, isSound: boolean): string {
  if (!isSound && lineCount === 0) return 'no sound line';
  // A log that goes on from a snapshot begins without a line of its own.
  if (lastSeq < firstSeq) return `no lines after seq ${lastSeq}`;
  const span = firstSeq === lastSeq ? `seq ${firstSeq}` : `seq ${firstSeq} to ${lastSeq}`;
  return isSound ? `${countText(lineCount, 'line')}, ${span}` : `${countText(lineCount, 'sound line')} within ${span}`;
}

/** Without a line, the beginning of a file stands for all of it: it is not there, or has no lines. */
function findingText({ file, line, offset, seq, expected, found }: Finding): string {
  const byte = line === undefined && offset === 0 ? '' : `, byte ${offset}`;
  const place = [line === undefined ? '' : ` line ${line}`, byte, seq === undefined ? '' : `, seq ${seq}`].join('');
  return `  ${file}${place}: expected ${expected}; found ${found}`;
}

/** For a program. */
function verdictDocument({ project, findings, notes, logId, firstSeq, lastSeq, lineCount, ...facts }: ProjectVerdict): object {
  const { segmentCount, bytes, snapshots } = facts;
  const numbers = { first_seq: firstSeq, last_seq: lastSeq, lines: lineCount, segments: segmentCount, bytes, snapshots };
  const verdict = verdictKindOf({ findings });
  return { project, sound: verdict === 'sound', verdict, log_id: logId ?? null, ...numbers, findings, notes };
}
