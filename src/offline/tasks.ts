/**
 * The pieces of work that a thread is given, and what it gives back: a result, or an error as data, of which name, message, code and
 * facts stay what they were.
 */
import { AppError, type ErrorFacts } from '../base/app-error.js';
import { ERROR_CODES, type ErrorCode } from '../base/error-codes.js';
import type {
  BuildJob, BuiltGeneration, FilesOfProject, ScrubReport, SegmentCheck, SegmentJob,
} from '../projections/snapshot/file-work.js';

/** Members that are carried by themselves, or mean nothing elsewhere. */
const OWN_MEMBERS: readonly string[] = ['name', 'message', 'stack', 'code', 'facts', 'cause'];

/** Everything to be read again and checked. */
export interface ScrubJob extends FilesOfProject {
  /** How fast at most, in bytes per second; 0 for as fast as it goes. @default 8 MiB */
  readonly bytesPerSecond?: number | undefined;
}

/** One piece of work. */
export type Task =
  | { readonly kind: 'build'; readonly job: BuildJob }
  | { readonly kind: 'scrub'; readonly job: ScrubJob }
  | { readonly kind: 'check'; readonly job: SegmentJob };

/** What a piece of work gives, by its kind. */
export interface TaskResults {
  readonly build: BuiltGeneration;
  readonly scrub: ScrubReport;
  readonly check: SegmentCheck;
}

/** What a piece of work gives. */
export type TaskResult<K extends Task['kind'] = Task['kind']> = TaskResults[K];

/** What a worker says of a piece of work. */
export type WorkerAnswer =
  | { readonly kind: 'result'; readonly result: TaskResult }
  | { readonly kind: 'failure'; readonly failure: TaskFailure };

/** What was thrown, as data. */
export interface TaskFailure {
  readonly name: string;
  readonly message: string;
  readonly stack: string | undefined;
  /** A stable code, or the name of an errno. */
  readonly code: string | undefined;
  /** Plain values that the error carried in fields of its own. */
  readonly facts: ErrorFacts;
}

/** A task failed with an error that has no stable code. Its `name` is that of what was thrown. */
export class TaskError extends Error {
  /** What was thrown. */
  readonly failure: TaskFailure;

  /** @param failure what was thrown, as data */
  constructor(failure: TaskFailure) {
    super(failure.message);
    this.name = failure.name;
    this.failure = failure;
    if (failure.stack !== undefined) this.stack = failure.stack;
  }

  /** The name of an errno, where the system said one. */
  get code(): string | undefined {
    return this.failure.code;
  }
}

/** A task failed with a stable code; its `name` is that of what was thrown. */
class RestoredAppError extends AppError {
  override readonly name: string;

  constructor(code: ErrorCode, failure: TaskFailure) {
    super(code, failure.message, { facts: failure.facts });
    this.name = failure.name;
    if (failure.stack !== undefined) this.stack = failure.stack;
  }
}

/** Takes an error apart. */
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
 * Puts an error together again.
 *
 * @returns an {@link AppError} where it had a stable code, otherwise a {@link TaskError}; both with the name that it had
 */
export function errorOf(failure: TaskFailure): Error {
  const code = ERROR_CODES.find((known) => known === failure.code);
  return code === undefined ? new TaskError(failure) : new RestoredAppError(code, failure);
}
