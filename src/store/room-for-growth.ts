/**
 * Whether there is room on the disk for what makes a project grow. A contract: the store asks, and somebody who watches the disk
 * answers.
 */
import { AppError } from '../base/app-error.js';
import type { Command } from './command.js';
import type { WaitingCommand } from './command-queue.js';
import type { Decision } from './decide.js';

/** Watches the disk. */
export interface RoomForGrowth {
  /**
   * Says whether a batch may grow the project. Asked once a turn, before anything of the batch is decided, only for projects on
   * disk, and only when the batch has something that grows. Rejecting fails the batch.
   *
   * @param bytes of keys and values that the batch would add
   * @returns false: everything that grows is refused; what shrinks or changes settings goes on
   */
  allowsGrowth(bytes: number): Promise<boolean> | boolean;
}

/**
 * Tells what needs room for data. A `delete` is a line as well, but is what makes room; the space that is kept free is for it.
 *
 * @param command any command
 * @returns true for what is refused when there is no room
 */
export function isGrowth(command: Command): boolean {
  return command.type === 'set' || command.type === 'project.create';
}

/**
 * Measures what a batch would add.
 *
 * @param batch what one turn has taken
 * @returns bytes of what grows; 0 when nothing does
 */
export function growthOf(batch: readonly WaitingCommand[]): number {
  let bytes = 0;
  for (const { command, sizeBytes } of batch) if (isGrowth(command)) bytes += sizeBytes;
  return bytes;
}

/**
 * Refuses a command that there is no room for.
 *
 * @returns the decision on it
 */
export function refuseGrowth(): Decision {
  return { accepted: false, refusal: new AppError('disk_full', 'Cannot take the change: the disk is nearly full') };
}
