/**
 * Plans a repair: what it keeps of a damaged project, and what it loses. Changes nothing.
 *
 * It keeps the latest state that can be proved: the lines from the beginning, or a sound snapshot and the lines after it, up to the first
 * break in the hash chain. Damage in lines that a snapshot covers costs history but no value.
 */
import type { Disk } from '../../disk/disk.js';
import { readHead } from '../../log/file/head-file.js';
import { LogPaths } from '../../log/file/log-paths.js';
import { genesisHash } from '../../log/line-format.js';
import type { CommittedManifest } from '../../projections/snapshot/snapshot-folder.js';
import { checkSnapshots } from '../verify/check-snapshots.js';
import { DamagedLog, type KeptEnd } from './damaged-log.js';
import { collectLosses, type RepairLosses } from './repair-losses.js';

/** A planned repair. */
export interface RepairPlan {
  readonly project: string;
  /** Id of the damaged log; undefined if no header and no head is legible. */
  readonly logId: string | undefined;
  /** The snapshot that the kept state begins with; undefined: the beginning of the log. */
  readonly snapshot: CommittedManifest | undefined;
  /** The last line that is kept; seq 0 for nothing. */
  readonly end: KeptEnd & { readonly timeMs: number };
  readonly losses: RepairLosses;
}

/** The registry's record of the damaged log. */
interface RegisteredLog {
  readonly logId: string;
  /** A seq that the log is recorded to have had. */
  readonly provenSeq?: number;
}

/** The data folder of a repair. */
export interface RepairFiles {
  readonly disk: Disk;
  /** The data folder, absolute; its lock is held. */
  readonly dataFolder: string;
  readonly signal?: AbortSignal | undefined;
}

interface Candidate {
  readonly snapshot: CommittedManifest | undefined;
  readonly end: RepairPlan['end'];
}

/**
 * Plans the repair of a project.
 *
 * @param registered the registry's record of its log, if there is one
 */
export async function planRepair(
  project: string, { disk, dataFolder, signal }: RepairFiles, registered?: RegisteredLog,
): Promise<RepairPlan> {
  const log = await DamagedLog.open(disk, dataFolder, project);
  const { head } = await readHead(disk, new LogPaths(dataFolder, project).head);
  const logId = log.segments.find(({ header }) => header !== undefined)?.header?.logId ?? head?.logId;
  const sound = logId === undefined ? [] : (await checkSnapshots({ disk, files: { dataFolder, project, logId }, signal })).sound;
  const starts: (CommittedManifest | undefined)[] = logId === undefined ? [] : [undefined, ...sound];
  let best: Candidate = { snapshot: undefined, end: { seq: 0, hash: '', timeMs: 0 } };
  // How far the lines from the beginning reach.
  let prefixSeq = 0;
  for (const snapshot of starts) {
    const start = snapshot ?? { seq: 0, hash: genesisHash(project, logId ?? ''), timeMs: 0 };
    const end = await endOf(log, start, signal);
    if (snapshot === undefined) prefixSeq = end.seq;
    // Of equal ends the first wins: the whole history, then the newest snapshot, which has the fewest lines to replay.
    if (end.seq > best.end.seq) best = { snapshot, end };
  }
  const recordedSeq = registered?.logId === logId ? registered?.provenSeq : undefined;
  const { snapshot, end } = best;
  const history = snapshot !== undefined && snapshot.seq > prefixSeq ? { from: prefixSeq + 1, to: snapshot.seq } : undefined;
  const losses = await collectLosses(log, end, Math.max(head?.seq ?? 0, recordedSeq ?? 0), history);
  return { project, logId, snapshot, end, losses };
}

async function endOf(log: DamagedLog, start: RepairPlan['end'], signal: AbortSignal | undefined): Promise<RepairPlan['end']> {
  let end: RepairPlan['end'] = { seq: start.seq, hash: start.hash, timeMs: start.timeMs };
  for await (const group of log.linesAfter(start)) {
    signal?.throwIfAborted();
    const last = group.at(-1);
    if (last !== undefined) end = { seq: last.seq, hash: last.hash, timeMs: last.timeMs, place: last.place };
  }
  return end;
}
