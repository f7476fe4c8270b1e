/**
 * Checks everything that one project has on disk, and that its parts belong together. Changes nothing; a server may be running.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import { join } from 'node:path';
import { isErrno } from '../../base/app-error.js';
import { countText } from '../../base/count-text.js';
import type { Finding } from '../../base/finding.js';
import type { Disk } from '../../disk/disk.js';
import { IN_THIS_THREAD, type LineChecker } from '../../log/file/segment/checked-lines.js';
import { digestText } from '../../log/file/segment/read-text.js';
import { inspectLog, type LogInspection } from '../../log/file/recovery/inspect-log.js';
import { segmentName } from '../../log/file/log-paths.js';
import { withText } from '../../log/file/segment/segment-files.js';
import { earlyEnd, isIllegible, LinesDroppedError, LogCorruptError, LogVersionError } from '../../log/log-errors.js';
import type { LogLine } from '../../log/log.js';
import type { FilesOfProject } from '../../projections/snapshot/file-work.js';
import type { Registration } from '../../projections/registrations.js';
import type { CommittedManifest } from '../../projections/snapshot/snapshot-folder.js';
import { snapshotName } from '../../projections/snapshot/snapshot-names.js';
import { openProjectLog, projectEventOf, snapshotsOf } from '../project-files.js';
import { checkContent } from './check-content.js';
import { ExpiryCheck } from './check-expiries.js';
import { checkRequests } from './check-requests.js';
import type { CheckpointSet, CheckpointVerdict } from './checkpoints.js';
import { type CheckedSnapshots, checkSnapshots } from './check-snapshots.js';
import { LogRedactions } from './redactions.js';
import { asUnreadable, isLogSound, withLines } from './findings.js';

/** How to verify files. */
export interface VerifyOptions {
  readonly disk: Disk;
  /** The data folder, absolute. */
  readonly dataFolder: string;
  /** The folder to rebuild states in, absolute; must exist, outside the data folder. */
  readonly scratchFolder: string;
  readonly signal?: AbortSignal | undefined;
  /** Checks lines ahead of the reading. @default in this thread */
  readonly checker?: LineChecker | undefined;
  /** Compared with the lines. @default none */
  readonly checkpoints?: CheckpointSet | undefined;
  /** Called with the bytes of the log that have been read, and their total. */
  onProgress?(project: string, doneBytes: number, totalBytes: number): void;
}

/** The result for one project. */
export interface ProjectVerdict {
  readonly project: string;
  readonly findings: readonly Finding[];
  /** Remarks that are no faults. */
  readonly notes: readonly string[];
  readonly logId: string | undefined;
  readonly firstSeq: number;
  readonly lastSeq: number;
  readonly lineCount: number;
  readonly segmentCount: number;
  /** Bytes on disk of the segments and snapshots that were read. */
  readonly bytes: number;
  /** Seqs of the sound snapshots, newest first. */
  readonly snapshots: readonly number[];
  /** Absent if there were none to compare. Its findings and notes are among those of the project. */
  readonly checkpoints?: CheckpointVerdict;
}

/** A running server between two steps can look like a fault for a moment: only what persists this often is one. */
const CHECKS = 5;
const CHECK_PAUSE_MS = 200;

/**
 * Verifies one project.
 *
 * @param registration reads the project's current registration; undefined if it has none or the registry cannot be read
 */
export async function verifyProject(
  project: string, registration: () => Promise<Registration | undefined>, options: VerifyOptions,
): Promise<ProjectVerdict> {
  return await new ProjectVerification(project, registration, options).run();
}

/** One project under verification. */
class ProjectVerification {
  readonly #project: string;
  /** The active segment, named in findings that have no better place. */
  readonly #file: string;
  readonly #registration: () => Promise<Registration | undefined>;
  readonly #options: VerifyOptions;
  readonly #findings: Finding[] = [];
  readonly #notes: string[] = [];
  #expiries: ExpiryCheck | undefined;
  /** Hashes of the lines that snapshots end with, by seq. */
  readonly #hashes = new Map<number, string | undefined>();
  readonly #redactions = new LogRedactions();

  constructor(project: string, registration: () => Promise<Registration | undefined>, options: VerifyOptions) {
    this.#project = project;
    this.#file = `${project}.jsonl`;
    this.#registration = registration;
    this.#options = options;
  }

  async run(): Promise<ProjectVerdict> {
    const { disk, dataFolder } = this.#options;
    const known = await snapshotsOf(disk, { dataFolder, project: this.#project }).list();
    for (const { seq } of known.committed) this.#hashes.set(seq, undefined);
    await this.#beginExpiries(known.committed);
    const log = await this.#inspect();
    if (log?.logId === undefined) return await this.#verdict(log);
    const files = { dataFolder, project: this.#project, logId: log.logId };
    const snapshots = await checkSnapshots({ disk, files, signal: this.#options.signal });
    const { sound } = snapshots;
    this.#findings.push(...snapshots.findings);
    const fitting = sound.filter((manifest) => this.#fits(manifest, log));
    if (log.findings.length === 0) await this.#compareContent(files, fitting);
    await this.#checkBeginning(log, fitting);
    await this.#noteReadable(files);
    this.#noteEnd(log);
    return await this.#verdict(log, snapshots);
  }

  async #beginExpiries(committed: readonly CommittedManifest[]): Promise<void> {
    const { disk, dataFolder, signal } = this.#options;
    const files = { dataFolder, project: this.#project };
    try {
      const { firstSeq } = await openProjectLog(disk, files);
      this.#expiries = await ExpiryCheck.begin(snapshotsOf(disk, files), committed, firstSeq, signal);
    } catch (error) {
      // The inspection of the log says so.
      if (!isIllegible(error) && !(error instanceof LogVersionError)) throw error;
    }
  }

  async #inspect(): Promise<LogInspection | undefined> {
    const { disk, dataFolder, checker = IN_THIS_THREAD, signal, onProgress } = this.#options;
    // Read before the log: what a server records later proves nothing about the lines read now.
    const registration = await this.#registration();
    const logId = registration?.logId;
    const log = await inspectLog(disk, dataFolder, this.#project, {
      checker,
      take: (lines) => this.#take(lines),
      onProgress: (done, total) => onProgress?.(this.#project, done, total),
      ...(signal && { signal }),
      ...(logId !== undefined && { expectedLogId: logId }),
      provenSeq: registration?.provenSeq,
    });
    const missing: Finding = { file: this.#file, offset: 0, expected: 'the active segment', found: 'no such file', kind: 'missing' };
    this.#findings.push(...(log?.findings ?? [missing]));
    return log;
  }

  #take(lines: readonly LogLine[]): void {
    this.#options.checkpoints?.of(this.#project).compare(lines);
    for (const line of lines) {
      if (this.#hashes.has(line.seq)) this.#hashes.set(line.seq, line.hash);
      try {
        const fault = this.#expiries?.take(line, projectEventOf(line));
        if (fault !== undefined) this.#find({ file: this.#file, offset: 0, seq: line.seq, ...fault });
        this.#redactions.take(line);
      } catch (error) {
        this.#find({ file: this.#file, offset: 0, seq: line.seq, expected: 'an event of a project', ...asUnreadable(error) });
      }
    }
  }

  #find(finding: Finding): void {
    this.#findings.push(finding);
  }

  /** Checks that the snapshot's last line is one of this log. Ignores a snapshot that was made after the log was read. */
  #fits({ seq, hash }: CommittedManifest, log: LogInspection): boolean {
    if (!this.#hashes.has(seq)) return false;
    const lineHash = this.#hashes.get(seq);
    if (lineHash === hash || seq < log.firstSeq) return true;
    if (lineHash === undefined) {
      // If the log is damaged, the line may merely not have been read.
      if (log.findings.length === 0) this.#findEarlyEnd(seq, log);
      return false;
    }
    const file = `${this.#project}/${snapshotName(seq, 'manifest')}`;
    const expected = `the line of seq ${seq} with the hash ${hash}`;
    this.#find({ file, offset: 0, seq, expected, found: `hash ${lineHash} in the log` });
    return false;
  }

  /** A snapshot consists of durable lines, so it proves how far the log went, like the head. The newest comes first, and is enough. */
  #findEarlyEnd(seq: number, { end, endOffset: offset }: LogInspection): void {
    if (end === undefined || this.#findings.some(({ kind }) => kind === 'outdated')) return;
    this.#find(earlyEnd({ file: this.#file, offset }, end.seq, `lines up to seq ${seq} as the snapshot says`));
  }

  async #compareContent(files: FilesOfProject, sound: readonly CommittedManifest[]): Promise<void> {
    const { disk, scratchFolder, checker = IN_THIS_THREAD, signal } = this.#options;
    try {
      const { lastSeq: redactedSeq } = this.#redactions;
      this.#findings.push(...(await checkContent({ disk, files, sound, redactedSeq, scratchFolder, checker, signal })));
      this.#findings.push(...(await checkRequests({ disk, files, sound, signal })));
    } catch (error) {
      if (error instanceof LinesDroppedError) return;
      if (!(error instanceof LogCorruptError)) throw error;
      this.#find(error.finding);
    }
  }

  /** Lines that are missing at the beginning must have been removed by retention, and be covered by a snapshot. */
  async #checkBeginning(log: LogInspection, sound: readonly CommittedManifest[]): Promise<void> {
    const { firstSeq, base } = log;
    if (firstSeq === 1) return;
    const beforeSeq = firstSeq - 1;
    const place = { file: log.firstFile, offset: 0, seq: beforeSeq };
    if (!sound.some(({ seq }) => seq >= beforeSeq)) {
      this.#find({ ...place, expected: `a sound snapshot that holds everything up to seq ${beforeSeq}`, found: 'none' });
    }
    if (base !== undefined) {
      const snapshot = sound.find(({ seq }) => seq === base.seq);
      const isRight = this.#redactions.mayReplace(base.digest ?? '', snapshot?.digest ?? '') && snapshot?.hash === base.hash;
      const expected = `the snapshot of seq ${base.seq} whose manifest has the SHA-256 ${base.digest}`;
      if (!isRight) this.#find({ ...place, expected, found: snapshot === undefined ? 'none' : `SHA-256 ${snapshot.digest}` });
      return;
    }
    const registration = await this.#registration();
    if (registration === undefined) {
      this.#notes.push(`lines before seq ${firstSeq} are missing, and the registry cannot say whether retention removed them`);
      return;
    }
    const keptSeq = registration.firstKeptSeq ?? 1;
    if (keptSeq >= firstSeq) return;
    const file = `${this.#project}/${segmentName(keptSeq)}`;
    const found = `no such file; the log begins with seq ${firstSeq}`;
    this.#find({ file, offset: 0, seq: keptSeq, expected: `the segment that holds seq ${keptSeq}`, found });
  }

  /** Mentions what the next startup does only if it serves the project: a refused project stays as it is. */
  #noteEnd({ unfinishedBytes, headSeq, isHeadAbsent, damagedForms }: LogInspection): void {
    for (const { file, offset, expected, found } of damagedForms) {
      const what = `"${file}" is damaged at byte ${offset} (expected ${expected}, found ${found})`;
      this.#notes.push(`${what}; the other copy is sound and is read instead`);
    }
    const isServed = isLogSound(this.#findings);
    if (this.#redactions.note !== undefined) this.#notes.push(this.#redactions.note);
    if (unfinishedBytes > 0) {
      const what = isServed ? 'an unfinished write, or a torn tail that is cut when the project is next served' : 'not a whole line';
      this.#notes.push(`${countText(unfinishedBytes, 'byte')} at the end: ${what}`);
    }
    if (headSeq !== undefined) return;
    if (!isServed) this.#notes.push('the head is missing or damaged, so it does not say where the log ended');
    else if (isHeadAbsent) this.#notes.push('no head file, as in a copy of the folder; the next startup writes one');
    else this.#notes.push('the head is damaged; it is rewritten when the project is next served');
  }

  /** Notes if `<project>.json` differs from the newest snapshot. It is an output only, so that is no fault. */
  async #noteReadable(files: FilesOfProject): Promise<void> {
    const { disk, signal } = this.#options;
    for (let check = 1; ; check += 1) {
      const newest = (await snapshotsOf(disk, files).list()).committed[0];
      if (newest === undefined || (await isReadableOf(newest, this.#options, this.#project))) return;
      if (check === CHECKS) {
        const found = `"${this.#project}.json" differs from the snapshot of seq ${newest.seq}`;
        const next = isLogSound(this.#findings) ? ', and the next snapshot rewrites it' : '';
        this.#notes.push(`${found}; no data depends on it${next}`);
        return;
      }
      await sleep(CHECK_PAUSE_MS, undefined, signal && { signal });
    }
  }

  async #verdict(log: LogInspection | undefined, { sound, bytes }: SoundSnapshots = NO_SNAPSHOTS): Promise<ProjectVerdict> {
    const { disk, dataFolder } = this.#options;
    const findings = await withLines(disk, dataFolder, this.#findings);
    return { project: this.#project, findings, notes: this.#notes, ...factsOf(log, { sound, bytes }) };
  }
}

type SoundSnapshots = Omit<CheckedSnapshots, 'findings'>;

const NO_SNAPSHOTS: SoundSnapshots = { sound: [], bytes: 0 };

/** Returns the facts of a verdict about a log and its snapshots. */
export function factsOf(
  log: LogInspection | undefined, { sound, bytes }: SoundSnapshots = NO_SNAPSHOTS,
): Omit<ProjectVerdict, 'project' | 'findings' | 'notes' | 'checkpoints'> {
  return {
    logId: log?.logId, firstSeq: log?.firstSeq ?? 0, lastSeq: log?.end?.seq ?? 0, lineCount: log?.lineCount ?? 0,
    segmentCount: log?.segmentCount ?? 0, bytes: (log?.storedBytes ?? 0) + bytes, snapshots: sound.map(({ seq }) => seq),
  };
}

/** Compares by content: inodes and times prove nothing, since a copy of a data folder has others. */
async function isReadableOf(newest: CommittedManifest, { disk, dataFolder, signal }: VerifyOptions, project: string): Promise<boolean> {
  const shownName = `${project}.json`;
  const path = join(dataFolder, shownName);
  try {
    const status = await disk.status(path);
    if (status === undefined) return true;
    if (status.isFolder || status.sizeBytes !== newest.json.sizeBytes) return false;
    return (await withText(disk, { path, shownName, isCompressed: false }, (text) => digestText(text, signal))) === newest.json.sha256;
  } catch (error) {
    if (isErrno(error)) return false;
    throw error;
  }
}
