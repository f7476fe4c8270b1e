/**
 * The command `verify`: checks the logs and snapshots in a data folder or a backup and changes nothing.
 */
import { existsSync } from 'node:fs';
import { countText } from '../base/count-text.js';
import { programCommand } from '../base/program-command.js';
import { faultOfBackup } from '../offline/backup/read-backup.js';
import { verifyBackup } from '../offline/backup/verify-backup.js';
import { REGISTRY } from '../offline/registry.js';
import { isProjectName, verifyFolder } from '../offline/verify/verify-folder.js';
import type { ProjectVerdict, VerifyOptions } from '../offline/verify/verify-project.js';
import { readCheckpoints } from './checkpoint-file.js';
import { UsageError } from './exit-codes.js';
import { findData, type FoundData } from './find-data.js';
import { type FormOptions, formOf, printObject } from './online/output-form.js';
import { createProgress } from './progress.js';
import type { FolderOptions, RunContext } from './run-command.js';
import { findingText, nextStep, verdictKindOf } from './verdict.js';
import { withVerifyTools } from './verify-tools.js';

/** Options of the command line. */
export interface VerifyCommandOptions extends FolderOptions, FormOptions {
  /** A file of checkpoints. */
  readonly checkpoint?: string;
}

type VerifyHow = Omit<VerifyOptions, 'disk' | 'dataFolder'>;

/** Totals of what was checked. */
interface Summary {
  readonly projects: number;
  readonly segments: number;
  readonly lines: number;
  readonly snapshots: number;
  readonly bytes: number;
  readonly duration_ms: number;
  readonly faults: number;
  /** These only if checkpoints were compared. */
  readonly checkpoints?: number;
  readonly checkpoints_proven?: number;
  readonly checkpoints_not_provable?: number;
}

/**
 * Verifies the content of a data folder or a backup.
 *
 * @param project one project, or `_server`, or the path of a folder or a backup; undefined: everything
 * @returns true when everything is sound
 * @throws {UsageError} when the project does not exist, or a line of the file of checkpoints is not one
 * @throws {MissingDataError} when there is no data or no such file
 */
export async function verify(
  project: string | undefined, options: VerifyCommandOptions, { output, signal }: RunContext,
): Promise<boolean> {
  const startMs = performance.now();
  const form = formOf(options);
  // Before the logs: what a server appends later may be newer than the lines that are read.
  const checkpoints = options.checkpoint === undefined ? undefined : await readCheckpoints(options.checkpoint, signal);
  const progress = await createProgress(process.stderr);
  return await withVerifyTools(async (tools) => {
    const verdicts: ProjectVerdict[] = [];
    const how = { ...tools, signal, checkpoints, onProgress: progress.show };
    for await (const verdict of verdictsOf(project, options, how)) {
      verdicts.push(verdict);
      progress.clear();
      if (form === 'text') await output.print(verdictText(verdict, options));
      if (form === 'jsonl') await output.print(`${JSON.stringify(verdictDocument(verdict))}\n`);
      // Without a reader only the exit code counts, and that is decided.
      if (output.isClosed && verdict.findings.length > 0) break;
    }
    const summary = summaryOf(verdicts, performance.now() - startMs);
    const isSound = summary.faults === 0;
    const document = { sound: isSound, summary, projects: verdicts.map(verdictDocument) };
    if (form !== 'jsonl') await printObject(output, options, { object: document, text: () => summaryText(summary) });
    return isSound;
  });
}

async function* verdictsOf(
  target: string | undefined, options: FolderOptions, how: VerifyHow & { readonly signal: AbortSignal },
): AsyncGenerator<ProjectVerdict> {
  // No project has such a name, so it is that of a file or a folder.
  const isPath = target !== undefined && /[./]/.test(target) && options.config === undefined && options.data === undefined;
  const [project, place] = isPath ? [undefined, { data: target }] : [target, options];
  let found: FoundData;
  try {
    found = await findData({ command: 'verify', project }, place, how.signal);
  } catch (error) {
    if (error instanceof UsageError && project !== undefined && existsSync(project)) {
      const byPath = programCommand(['verify', `./${project}`]);
      throw new UsageError(`${error.message}. The folder or file of that name: ${byPath}`, { cause: error });
    }
    const fault = faultOfBackup(error);
    if (fault === undefined) throw error;
    const nothing = { notes: [], logId: undefined, firstSeq: 0, lastSeq: 0, lineCount: 0, segmentCount: 0, bytes: 0, snapshots: [] };
    yield { project: fault.file, findings: [fault], ...nothing };
    return;
  }
  const { backup, dataFolder, disk } = found;
  yield* backup === undefined ? verifyFolder({ ...how, disk, dataFolder }, project) : verifyBackup(backup, how, project);
}

function summaryOf(verdicts: readonly ProjectVerdict[], durationMs: number): Summary {
  const sum = (count: (verdict: ProjectVerdict) => number): number => verdicts.reduce((total, verdict) => total + count(verdict), 0);
  return {
    projects: verdicts.filter((verdict) => verdict.project !== REGISTRY && !isAbsent(verdict)).length,
    segments: sum(({ segmentCount }) => segmentCount),
    lines: sum(({ lineCount }) => lineCount),
    snapshots: sum(({ snapshots }) => snapshots.length),
    bytes: sum(({ bytes }) => bytes),
    duration_ms: Math.round(durationMs),
    faults: sum(({ findings }) => findings.length),
    ...(verdicts.some(({ checkpoints }) => checkpoints !== undefined) && {
      checkpoints: sum(({ checkpoints }) => checkpoints?.count ?? 0),
      checkpoints_proven: sum(({ checkpoints }) => checkpoints?.proven ?? 0),
      checkpoints_not_provable: sum(({ checkpoints }) => checkpoints?.notProvable ?? 0),
    }),
  };
}

/** Only checkpoints know this project, and the registry says what became of it. */
function isAbsent({ findings, logId }: Pick<ProjectVerdict, 'findings' | 'logId'>): boolean {
  return logId === undefined && findings.length === 0;
}

/** One line of names and numbers, which `sed` can read. */
function summaryText(summary: Summary): string {
  return `summary: ${Object.entries(summary).map(([name, count]) => `${name}=${count}`).join(' ')}\n`;
}

function verdictText(verdict: ProjectVerdict, options: FolderOptions): string {
  const { project, findings, notes, snapshots } = verdict;
  const kind = verdictKindOf(verdict);
  const ofSnapshots = `snapshots: ${snapshots.join(', ') || 'none'}`;
  const isLogless = kind === 'missing' || isAbsent(verdict);
  const ofLog = isLogless ? 'the log does not exist' : `${linesText(verdict, kind === 'sound')}, ${ofSnapshots}`;
  const facts = isProjectName(project) ? [ofLog, ...checkpointsText(verdict)] : ['not a whole backup'];
  const word = isAbsent(verdict) ? 'absent' : kind === 'sound' ? kind : kind.toUpperCase();
  const lines = [`${project}: ${word} (${facts.join(', ')})`, ...findings.map(findingText)];
  const next = nextStep(verdict, options);
  return [...lines, ...notes.map((note) => `  note: ${note}`), ...(next === undefined ? [] : [`  next: ${next}`]), ''].join('\n');
}

/** Of a log that is not sound, only the sound lines are known; how many are missing is not. */
function linesText({ lineCount, firstSeq, lastSeq }: ProjectVerdict, isSound: boolean): string {
  if (!isSound && lineCount === 0) return 'no sound line';
  // A log that continues from a snapshot has no line at first.
  if (lastSeq < firstSeq) return `no lines after seq ${lastSeq}`;
  const span = firstSeq === lastSeq ? `seq ${firstSeq}` : `seq ${firstSeq} to ${lastSeq}`;
  return isSound ? `${countText(lineCount, 'line')}, ${span}` : `${countText(lineCount, 'sound line')} within ${span}`;
}

function checkpointsText({ checkpoints }: ProjectVerdict): readonly string[] {
  if (checkpoints === undefined) return [];
  const { count, proven, provenSeq } = checkpoints;
  if (count === 0) return ['no checkpoints'];
  return [`checkpoints: ${proven} of ${count} proven${proven === 0 ? '' : `, up to seq ${provenSeq}`}`];
}

/** The verdict in the output of `--json` and `--jsonl`. */
function verdictDocument({ project, findings, notes, logId, firstSeq, lastSeq, lineCount, ...facts }: ProjectVerdict): object {
  const { segmentCount, bytes, snapshots, checkpoints } = facts;
  const numbers = { first_seq: firstSeq, last_seq: lastSeq, lines: lineCount, segments: segmentCount, bytes, snapshots };
  const verdict = isAbsent({ findings, logId }) ? 'absent' : verdictKindOf({ findings });
  const compared = checkpoints && {
    checkpoints: {
      count: checkpoints.count, proven: checkpoints.proven, proven_seq: checkpoints.provenSeq, not_provable: checkpoints.notProvable,
    },
  };
  return { project, sound: findings.length === 0, verdict, log_id: logId ?? null, ...numbers, ...compared, findings, notes };
}
