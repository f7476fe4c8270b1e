/**
 * The tasks that a worker thread carries out, and its answers: a result, or an error as data that keeps name, message, code and facts.
 */
import { AppError, type ErrorFacts } from '../../base/app-error.js';
import { ERROR_CODES, type ErrorCode } from '../../base/error-codes.js';
import type { CheckedLines, UncheckedLines } from '../../log/file/segment/checked-lines.js';
import type { CheckedEntries, UncheckedEntries } from '../../projections/snapshot/checked-entries.js';
import type {
  BuildJob, BuiltGeneration, BuiltPast, FilesOfProject, PastJob, ScrubReport, SegmentCheck, SegmentJob, SnapshotCheck, SnapshotJob,
} from '../../projections/snapshot/file-work.js';

/** Members of an error that have a field of their own in {@link TaskFailure}, or mean nothing in another thread. */
const OWN_MEMBERS: readonly string[] = ['name', 'message', 'stack', 'code', 'facts', 'cause'];

/** A project whose files are all to be checked. */
export interface ScrubJob extends FilesOfProject {
  /** Maximum read rate in bytes per second; 0 for no limit. @default 8 MiB */
  readonly bytesPerSecond?: number | undefined;
}

/** One task. */
export type Task =
  | { readonly kind: 'build'; readonly job: BuildJob }
  | { readonly kind: 'past'; readonly job: PastJob }
  | { readonly kind: 'scrub'; readonly job: ScrubJob }
  | { readonly kind: 'check'; readonly job: SegmentJob }
  | { readonly kind: 'verify'; readonly job: SnapshotJob }
  | { readonly kind: 'lines'; readonly job: UncheckedLines }
  | { readonly kind: 'entries'; readonly job: UncheckedEntries };

/** The result of a task. */
export type TaskResult = BuiltGeneration | BuiltPast | ScrubReport | SegmentCheck | SnapshotCheck | CheckedLines | CheckedEntries;

/** Memory of a task that is handed over to the thread instead of copied. */
export function memoryOfTask(task: Task): readonly ArrayBuffer[] {
  switch (task.kind) {
    case 'lines': return [task.job.bytes.buffer];
    case 'entries': return [task.job.memory];
    default: return [];
  }
}

/** Memory of an answer that is handed back. */
export function memoryOfAnswer(answer: WorkerAnswer): readonly ArrayBuffer[] {
  if (answer.kind === 'failure') return [];
  const { result } = answer;
  if ('columns' in result) return [result.bytes.buffer, result.timesMs.buffer, result.columns.buffer];
  if (!('packed' in result)) return [];
  if (result.packed === undefined) return [result.memory];
  const { chunks, seqs, tags, timesMs, expiriesMs } = result.packed;
  const columns = [seqs, tags, timesMs, ...(expiriesMs === undefined ? [] : [expiriesMs])];
  return [result.memory, ...chunks.map(({ memory }) => memory), ...columns.map(({ buffer }) => buffer)];
}

/** A worker's answer to a task. */
export type WorkerAnswer =
  | { readonly kind: 'result'; readonly result: TaskResult }
  | { readonly kind: 'failure'; readonly failure: TaskFailure };

/** A thrown error as data. */
interface TaskFailure {
  readonly name: string;
  readonly message: string;
  readonly stack: string | undefined;
  /** A stable code, or the name of an errno. */
  readonly code: string | undefined;
  /** Plain values from the error's own fields. */
  readonly facts: ErrorFacts;
}

/** A task failed with an error that has no stable code. Its `name` is that of the original error. */
export class TaskError extends Error {
  /** The original error. */
  readonly failure: TaskFailure;

  constructor(failure: TaskFailure) {
    super(failure.message);
    this.name = failure.name;
    this.failure = failure;
    if (failure.stack !== undefined) this.stack = failure.stack;
  }

  /** The name of an errno, if the original error had one. */
  get code(): string | undefined {
    return this.failure.code;
  }
}

/** A task failed with a stable code. Its `name` is that of the original error. */
class RestoredAppError extends AppError {
  override readonly name: string;

  constructor(code: ErrorCode, failure: TaskFailure) {
    super(code, failure.message, { facts: failure.facts });
    this.name = failure.name;
    if (failure.stack !== undefined) this.stack = failure.stack;
  }
}

/** Converts an error to data. */
export function failureOf(thrown: unknown): TaskFailure {
  if (!(thrown instanceof Error)) return { name: 'Error', message: String(thrown), stack: undefined, code: undefined, facts: {} };
  const { name, message, stack } = thrown;
  const code = 'code' in thrown && typeof thrown.code === 'string' ? thrown.code : undefined;
  const facts = thrown instanceof AppError ? thrown.facts : plainMembers(thrown);
  return { name, message, stack, code, facts };
}

function plainMembers(error: Error): ErrorFacts {
  const members = Object.entries(error).filter(([name]) => !OWN_MEMBERS.includes(name));
  const plain = members.filter((member): member is [string, string | number | boolean | null] => {
    const value: unknown = member[1];
    return value === null || ['string', 'number', 'boolean'].includes(typeof value);
  });
  return Object.fromEntries(plain);
}

/**
 * Rebuilds an error from data.
 *
 * @returns an {@link AppError} if it had a stable code, otherwise a {@link TaskError}; both with the original name
 */
export function errorOf(failure: TaskFailure): Error {
  const code = ERROR_CODES.find((known) => known === failure.code);
  return code === undefined ? new TaskError(failure) : new RestoredAppError(code, failure);
}
