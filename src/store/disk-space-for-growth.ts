/**
 * The contract between the store and the watch of free disk space: whether the disk has space for changes that make a project grow.
 */
import { AppError } from '../base/app-error.js';
import type { Command } from './command.js';
import type { WaitingCommand } from './command-queue.js';
import type { Decision } from './decide.js';

/** Watches free disk space. */
export interface DiskSpaceForGrowth {
  /**
   * Updates the known free space. Called once a turn, before the batch is decided, for projects on disk whose batch has growth. A
   * rejection fails the batch.
   */
  refresh(bytes: number): void | Promise<void>;

  /** Whether one change is allowed; its size then counts as used. A refusal does not affect deletes and changes of settings. */
  allowsGrowth(bytes: number): boolean;

  /** Size of the largest change that is allowed now, in bytes; negative if no growth is allowed. */
  readonly largestBytes: number;
}

/** Whether a command needs space for data. A `delete` appends a line too, but frees space later; the reserve is kept for it. */
export function isGrowth(command: Command): boolean {
  if (command.type === 'revert') return command.keys.some(({ target }) => target !== undefined);
  if (command.type === 'batch') return command.steps.some(({ op }) => op === 'set');
  return command.type === 'set' || command.type === 'project.create';
}

/** The growth of a batch, in bytes. */
export function growthOf(batch: readonly WaitingCommand[]): number {
  let bytes = 0;
  for (const { command, sizeBytes } of batch) if (isGrowth(command)) bytes += sizeBytes;
  return bytes;
}

/** Refuses a change for lack of space. */
export function refuseGrowth(neededBytes: number, largestBytes: number): Decision {
  return { accepted: false, refusal: new AppError('disk_full', `Cannot take the change: ${describeLack(neededBytes, largestBytes)}`) };
}

/** Describes a lack of space. */
export function describeLack(neededBytes: number, largestBytes: number): string {
  if (largestBytes <= 0) return 'the disk is nearly full';
  return `it needs ${neededBytes} bytes, but only ${largestBytes} are available beyond the reserve for deletes and the configuration`;
}
