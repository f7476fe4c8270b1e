/**
 * The commands of one project that wait for their turn: bounded, in the order in which they came.
 */
import { AppError } from '../base/app-error.js';
import type { Command, CommandContext, CommandResult } from './command.js';

/** Limits of one project's queue. */
export interface StoreLimits {
  /** Commands that may wait. */
  readonly queueCommandsMax: number;
  /** Bytes of keys and values that may wait. */
  readonly queueBytesMax: number;
}

/** Used where the caller says nothing. */
export const DEFAULT_STORE_LIMITS: StoreLimits = { queueCommandsMax: 10_000, queueBytesMax: 67_108_864 };

/** Commands of one batch at most. */
const BATCH_COMMANDS_MAX = 1024;
/** Bytes of keys and values of one batch at most, unless a single command has more. */
const BATCH_BYTES_MAX = 8_388_608;
/** What a waiting command counts for besides its key and value. */
const COMMAND_BYTES = 256;

/** A command, and who waits for what comes of it. */
export interface WaitingCommand {
  readonly command: Command;
  readonly context: CommandContext;
  readonly sizeBytes: number;
  readonly resolve: (result: CommandResult) => void;
  readonly reject: (error: unknown) => void;
}

/** What waits. */
export class CommandQueue {
  readonly #limits: StoreLimits;
  #waiting: WaitingCommand[] = [];
  #sizeBytes = 0;

  /** @param limits how much may wait */
  constructor(limits: StoreLimits) {
    this.#limits = limits;
  }

  /** How many commands wait. */
  get length(): number {
    return this.#waiting.length;
  }

  /**
   * Adds a command at the end.
   *
   * @param onAdded called when it is in the queue
   * @throws {AppError} `queue_full`
   */
  async add(command: Command, context: CommandContext, onAdded: () => void): Promise<CommandResult> {
    const sizeBytes = sizeOf(command);
    if (this.#waiting.length >= this.#limits.queueCommandsMax || this.#sizeBytes + sizeBytes > this.#limits.queueBytesMax) {
      const facts = { waiting: this.#waiting.length };
      throw new AppError('queue_full', 'Cannot take the change: too many are waiting for the disk', { facts });
    }
    return await new Promise((resolve, reject) => {
      this.#waiting.push({ command, context, sizeBytes, resolve, reject });
      this.#sizeBytes += sizeBytes;
      onAdded();
    });
  }

  /** @returns the commands of the next batch, which wait no longer */
  takeBatch(): WaitingCommand[] {
    let sizeBytes = 0;
    let count = 0;
    for (const waiting of this.#waiting) {
      if (count === BATCH_COMMANDS_MAX || (count > 0 && sizeBytes + waiting.sizeBytes > BATCH_BYTES_MAX)) break;
      sizeBytes += waiting.sizeBytes;
      count += 1;
    }
    this.#sizeBytes -= sizeBytes;
    return this.#waiting.splice(0, count);
  }

  /** Fails everything that waits. */
  fail(reason: AppError): void {
    const waiting = this.#waiting;
    this.#waiting = [];
    this.#sizeBytes = 0;
    for (const { reject } of waiting) reject(reason);
  }
}

/**
 * Measures a command.
 *
 * @returns what it counts for while it waits, in bytes
 */
export function sizeOf(command: Command): number {
  const keyBytes = 'key' in command ? Buffer.byteLength(command.key) : 0;
  const valueBytes = 'value' in command ? Buffer.byteLength(command.value) : 0;
  return COMMAND_BYTES + keyBytes + valueBytes;
}
