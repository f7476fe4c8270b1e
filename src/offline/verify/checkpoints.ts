/**
 * Compares checkpoints, which were kept outside the data folder, with the logs in it. The lines come from the verification of a log, which
 * reads each of them once anyway.
 */
import { countText } from '../../base/count-text.js';
import type { Finding } from '../../base/finding.js';
import type { Checkpoint } from '../../events/checkpoint.js';
import type { LogLine } from '../../log/log.js';
import type { LogFate } from '../log-fates.js';

/** A checkpoint, and where it is written. */
type FiledCheckpoint = Omit<Checkpoint, 'project'> & { readonly lineNumber: number };

/** What became of the checkpoints of a project. */
export interface CheckpointVerdict {
  /** All of them. */
  readonly count: number;
  /** Those whose line the log has. */
  readonly proven: number;
  /** The highest seq of these; 0 if there is none. */
  readonly provenSeq: number;
  /** Those whose line may have been removed on purpose; a note says why. The others are findings. */
  readonly notProvable: number;
  readonly findings: readonly Finding[];
  readonly notes: readonly string[];
}

/** What was found in place of a log. */
interface VerifiedLog {
  readonly project: string;
  readonly logId: string | undefined;
  readonly firstSeq: number;
  readonly lastSeq: number;
  /** What else is wrong with it. */
  readonly findings: readonly Finding[];
}

/** The checkpoints of one project, as its lines are read. */
class ProjectCheckpoints {
  /** In the order of their seqs. */
  readonly #checkpoints: readonly FiledCheckpoint[];
  /** The line that the log has at the place of each, by index. */
  readonly #found: (Pick<Checkpoint, 'hash' | 'time'> | undefined)[] = [];
  #next = 0;

  constructor(checkpoints: readonly FiledCheckpoint[]) {
    this.#checkpoints = checkpoints.toSorted((a, b) => a.seq - b.seq);
  }

  /** Takes lines in their order; those of a damaged segment may be left out. */
  compare(lines: readonly LogLine[]): void {
    for (const { seq, hash, timeMs } of lines) {
      let due = this.#checkpoints[this.#next];
      for (; due !== undefined && due.seq <= seq; due = this.#checkpoints[this.#next]) {
        if (due.seq === seq) this.#found[this.#next] = { hash, time: new Date(timeMs).toISOString() };
        this.#next += 1;
      }
    }
  }

  /**
   * Judges them, after all lines.
   *
   * @param fates what the registry knows of logs that a project no longer has; read only if some are not proven
   */
  async judge(log: VerifiedLog, fates: () => Promise<ReadonlyMap<string, LogFate>>): Promise<CheckpointVerdict> {
    const unproven: { readonly checkpoint: FiledCheckpoint; readonly found: Pick<Checkpoint, 'hash' | 'time'> | undefined }[] = [];
    let [proven, provenSeq] = [0, 0];
    for (const [index, checkpoint] of this.#checkpoints.entries()) {
      const found = this.#found[index];
      const isProven = checkpoint.log_id === log.logId && found?.hash === checkpoint.hash && found.time === checkpoint.time;
      if (!isProven) unproven.push({ checkpoint, found });
      else [proven, provenSeq] = [proven + 1, checkpoint.seq];
    }
    const known = unproven.length === 0 ? new Map<string, LogFate>() : await fates();
    const reasons = new Map<string, number>();
    const findings: Omit<Finding, 'kind'>[] = [];
    for (const { checkpoint, found } of unproven) {
      const reason = found !== undefined && checkpoint.log_id === log.logId ? undefined : reasonNotProvable(checkpoint, log, known);
      if (reason === undefined) findings.push(findingOf(checkpoint, log, found));
      else reasons.set(reason, (reasons.get(reason) ?? 0) + 1);
    }
    // Findings of one kind make a verdict of that kind. A log that its own head calls an older copy is called the same here.
    const isOutdated = log.findings.some(({ kind }) => kind === 'outdated');
    const kind = log.logId === undefined ? 'missing' : isOutdated ? 'outdated' : 'altered';
    return {
      count: this.#checkpoints.length, proven, provenSeq, notProvable: unproven.length - findings.length,
      findings: findings.map((finding) => ({ ...finding, kind })),
      notes: [...reasons].map(([reason, count]) => `not provable: ${countText(count, 'checkpoint')} ${reason}`),
    };
  }
}

/** Why the line of a checkpoint may be absent although nothing is wrong; undefined if it may not. */
function reasonNotProvable(
  { log_id: logId, seq }: FiledCheckpoint, log: VerifiedLog, fates: ReadonlyMap<string, LogFate>,
): string | undefined {
  const { project, firstSeq, lastSeq, findings } = log;
  const fate = fates.get(logId);
  if (fate?.project === project) return reasonOfFate(logId, fate);
  if (logId !== log.logId) return undefined;
  if (seq < firstSeq) return `of lines before seq ${firstSeq}, the first that is kept`;
  // Up to the end of the log, only damage, or a server that removed a segment meanwhile, keeps a line from being read.
  const isRead = seq > lastSeq && findings.every(({ kind }) => kind === 'snapshot' || kind === 'outdated');
  return isRead ? undefined : 'of lines that could not be read';
}

const ENDS = {
  deleted: 'was deleted with its project', left: 'was put aside when its project moved to memory', repaired: 'was replaced by a repair',
} as const satisfies Record<LogFate['end'], string>;

function reasonOfFate(logId: string, { end, folder, timeMs }: LogFate): string {
  const reason = `of the log ${logId}, which ${ENDS[end]} at ${new Date(timeMs).toISOString()}, as the registry says`;
  return folder === undefined ? reason : `${reason}; its files can be verified with --data and the folder "${folder}"`;
}

function findingOf(
  checkpoint: FiledCheckpoint, { project, logId, lastSeq }: VerifiedLog, found: Pick<Checkpoint, 'hash' | 'time'> | undefined,
): Omit<Finding, 'kind'> {
  const { hash, lineNumber, log_id: expectedId, seq, time } = checkpoint;
  const place = { file: `${project}.jsonl`, offset: 0, seq };
  const source = `as line ${lineNumber} of the checkpoints says`;
  if (logId !== expectedId) {
    const otherwise = logId === undefined ? 'no log' : `log_id ${logId}`;
    return { ...place, expected: `log_id ${expectedId}, ${source}`, found: `${otherwise}; the registry does not say that it was deleted` };
  }
  const expected = `hash ${hash} and time ${time}, ${source}`;
  const end = `the end of the log after seq ${lastSeq}`;
  return { ...place, expected, found: found === undefined ? end : `hash ${found.hash} and time ${found.time}` };
}

/** The checkpoints of a file, by project. */
export class CheckpointSet {
  readonly #filed = new Map<string, FiledCheckpoint[]>();
  readonly #projects = new Map<string, ProjectCheckpoints>();

  /** The projects that have one. */
  get projects(): readonly string[] {
    return [...this.#filed.keys()].sort();
  }

  /**
   * Adds a checkpoint, before any is compared.
   *
   * @param lineNumber its line in the file, from 1
   */
  add({ project, ...checkpoint }: Checkpoint, lineNumber: number): void {
    const filed = this.#filed.get(project) ?? [];
    this.#filed.set(project, filed);
    filed.push({ ...checkpoint, lineNumber });
  }

  /** Returns those of a project, perhaps none. */
  of(project: string): ProjectCheckpoints {
    const known = this.#projects.get(project) ?? new ProjectCheckpoints(this.#filed.get(project) ?? []);
    this.#projects.set(project, known);
    return known;
  }
}
