/**
 * Files of projects that were deleted or left the disk, and that could not be moved out of the way then: the folder takes no change of
 * names, or the disk fails. The change is in force all the same. They stand where they were until this is asked again, until the next
 * start, which moves them, or until a person does; readiness counts them until one of these is seen.
 */
import type { LogHome } from '../log/log.js';

/** Moves files out of the way, and remembers what it could not move. */
export class UnmovedFiles {
  readonly #home: Pick<LogHome, 'leave' | 'remove'>;
  /** By project id: the log that leaves, or undefined where the project was deleted. */
  readonly #unmoved = new Map<string, string | undefined>();

  /** @param home where the files are */
  constructor(home: Pick<LogHome, 'leave' | 'remove'>) {
    this.#home = home;
  }

  /** How many projects have files that should not be where they are. */
  get projectCount(): number {
    return this.#unmoved.size;
  }

  /** Remembers files of a deleted project that a start could not move. */
  remember(id: string): void {
    this.#unmoved.set(id, undefined);
  }

  /** Forgets files of which none is left under the name of their project: a person has moved them. */
  forget(id: string): void {
    this.#unmoved.delete(id);
  }

  /**
   * Moves the files of a project that has left the disk to where they are kept.
   *
   * @throws what the disk threw; the files are remembered then
   */
  async leave(id: string, logId: string): Promise<void> {
    await this.#move(id, logId, () => this.#home.leave(id, logId));
  }

  /**
   * Moves the files of a deleted project to where they are erased.
   *
   * @throws what the disk threw; the files are remembered then
   */
  async remove(id: string, logId: string): Promise<void> {
    await this.#move(id, undefined, () => this.#home.remove(id, logId));
  }

  /**
   * Tries once more to move the files of a log that has left, before something else is done with the name.
   *
   * @returns false where there are none
   * @throws what the disk threw
   */
  async finishLeaving(id: string): Promise<boolean> {
    const logId = this.#unmoved.get(id);
    if (logId === undefined) return false;
    await this.leave(id, logId);
    return true;
  }

  async #move(id: string, leavingLogId: string | undefined, work: () => Promise<void>): Promise<void> {
    try {
      await work();
      this.#unmoved.delete(id);
    } catch (error) {
      this.#unmoved.set(id, leavingLogId);
      throw error;
    }
  }
}
