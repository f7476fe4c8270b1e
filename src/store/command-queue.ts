/**
 * The queue of one project's commands: bounded, first in, first out.
 */
import { setImmediate as nextTurn } from 'node:timers/promises';
import { AppError } from '../base/app-error.js';
import type { Command, CommandContext, CommandResult } from './command.js';
import { CommitDelay } from './commit-delay.js';

/** Limits of a queue. */
export interface StoreLimits {
  /** Number of queued commands. */
  readonly queueCommandsMax: number;
  /** Bytes of queued keys and values. */
  readonly queueBytesMax: number;
}

/** The default limits. */
export const DEFAULT_STORE_LIMITS: StoreLimits = { queueCommandsMax: 10_000, queueBytesMax: 67_108_864 };

/** Maximum number of commands in a batch. */
const BATCH_COMMANDS_MAX = 1024;
/** Maximum bytes of keys and values in a batch, unless a single command has more. */
const BATCH_BYTES_MAX = 8_388_608;
/** Bytes that a queued command counts besides its key and value. */
const COMMAND_BYTES = 256;
/** The same for each step of a batch. */
const STEP_BYTES = 64;

/** A queued command, with the callbacks for its result. */
export interface WaitingCommand {
  readonly command: Command;
  readonly context: CommandContext;
  readonly sizeBytes: number;
  readonly resolve: (result: CommandResult) => void;
  readonly reject: (error: unknown) => void;
}

/** A queue of commands. */
export class CommandQueue {
  readonly #limits: StoreLimits;
  readonly #delay = new CommitDelay(this);
  #waiting: WaitingCommand[] = [];
  #sizeBytes = 0;

  constructor(limits: StoreLimits) {
    this.#limits = limits;
  }

  /** Number of queued commands. */
  get length(): number {
    return this.#waiting.length;
  }

  /** Bytes of the queued commands. */
  get sizeBytes(): number {
    return this.#sizeBytes;
  }

  /**
   * Adds a command at the end.
   *
   * @param onAdded called once it is in the queue
   * @throws {AppError} `queue_full`, through the promise
   */
  add(command: Command, context: CommandContext, onAdded: () => void): Promise<CommandResult> {
    return new Promise((resolve, reject) => {
      const sizeBytes = sizeOf(command);
      if (this.#waiting.length >= this.#limits.queueCommandsMax || this.#sizeBytes + sizeBytes > this.#limits.queueBytesMax) {
        const facts = { waiting: this.#waiting.length };
        throw new AppError('queue_full', 'Cannot take the change: too many changes are queued', { facts });
      }
      this.#waiting.push({ command, context, sizeBytes, resolve, reject });
      this.#sizeBytes += sizeBytes;
      onAdded();
    });
  }

  /**
   * Has the next batch carried out, after a moment in which more commands may join it.
   *
   * @param carryOut gets at least one command; is not called if all were rejected in that moment
   */
  async next(carryOut: (batch: readonly WaitingCommand[]) => Promise<void>): Promise<void> {
    await this.#delay.wait();
    const batch = this.#takeBatch();
    if (batch.length === 0) return;
    const takenMs = performance.now();
    const turn = nextTurn();
    await carryOut(batch);
    this.#delay.noteBatch(batch.length, performance.now() - takenMs);
    // A log in memory waits for nothing: commands that follow each other at once would never let the event loop go on.
    await turn;
  }

  /** Removes the commands of the next batch from the queue. */
  #takeBatch(): WaitingCommand[] {
    let sizeBytes = 0;
    let count = 0;
    for (const waiting of this.#waiting) {
      if (count > 0 && isAlone(waiting)) break;
      if (count === BATCH_COMMANDS_MAX || (count > 0 && sizeBytes + waiting.sizeBytes > BATCH_BYTES_MAX)) break;
      sizeBytes += waiting.sizeBytes;
      count += 1;
      if (isAlone(waiting)) break;
    }
    this.#sizeBytes -= sizeBytes;
    return this.#waiting.splice(0, count);
  }

  /** Rejects all queued commands. */
  fail(reason: AppError): void {
    const waiting = this.#waiting;
    this.#waiting = [];
    this.#sizeBytes = 0;
    for (const { reject } of waiting) reject(reason);
  }
}

/**
 * Whether a command is a batch of its own: it counts keys of the model, which lacks the decisions of its batch, or it may be too large for
 * a line, which then refuses no other.
 */
function isAlone({ command }: WaitingCommand): boolean {
  return command.type === 'clear.range' || command.type === 'revert';
}

/** The size of a command in the queue, in bytes. */
export function sizeOf(command: Command): number {
  if (command.type === 'revert') {
    return command.keys.reduce((sum, one) => sum + STEP_BYTES + textBytes(one) + textBytes(one.target ?? {}), COMMAND_BYTES);
  }
  if (command.type !== 'batch') return COMMAND_BYTES + textBytes(command);
  return command.steps.reduce((sum, step) => sum + STEP_BYTES + textBytes(step), COMMAND_BYTES);
}

function textBytes(change: object): number {
  const keyBytes = 'key' in change && typeof change.key === 'string' ? Buffer.byteLength(change.key) : 0;
  const valueBytes = 'value' in change && typeof change.value === 'string' ? Buffer.byteLength(change.value) : 0;
  return keyBytes + valueBytes;
}
