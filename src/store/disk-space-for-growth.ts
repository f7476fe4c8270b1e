/**
 * Whether there is room on the disk for what makes a project grow. A contract: the store asks, and a watcher of the disk
 * answers.
 */
import { AppError } from '../base/app-error.js';
import type { Command } from './command.js';
import type { WaitingCommand } from './command-queue.js';
import type { Decision } from './decide.js';

/** Watches the disk. */
export interface DiskSpaceForGrowth {
  /**
   * Brings what is known of the room up to date. Asked once a turn, before anything of the batch is decided, only for projects on disk,
   * and only when the batch has something that grows. Rejecting fails the batch.
   */
  refresh(bytes: number): void | Promise<void>;

  /**
   * Decides on one change. What is allowed counts as used.
   *
   * @returns false: the change is refused; what shrinks or changes settings goes on
   */
  allowsGrowth(bytes: number): boolean;

  /** Size of the largest change that is allowed now, in bytes; negative while nothing may grow. */
  readonly largestBytes: number;
}

/**
 * Tells what needs room for data. A `delete` is a line as well, but is what makes room; the space that is kept free is for it.
 *
 * @returns true for what is refused when there is no room
 */
export function isGrowth(command: Command): boolean {
  return command.type === 'set' || command.type === 'project.create';
}

/**
 * Measures what a batch would add.
 *
 * @returns bytes of what grows; 0 when nothing does
 */
export function growthOf(batch: readonly WaitingCommand[]): number {
  let bytes = 0;
  for (const { command, sizeBytes } of batch) if (isGrowth(command)) bytes += sizeBytes;
  return bytes;
}

/** Refuses a change that there is no room for. */
export function refuseGrowth(neededBytes: number, largestBytes: number): Decision {
  return { accepted: false, refusal: new AppError('disk_full', `Cannot take the change: ${describeLack(neededBytes, largestBytes)}`) };
}

/** Words a lack of room, for the server log. */
export function describeLack(neededBytes: number, largestBytes: number): string {
  if (largestBytes <= 0) return 'the disk is nearly full';
  return `it needs ${neededBytes} bytes, and the disk has ${largestBytes} left above what is kept for deletes and the configuration`;
}
