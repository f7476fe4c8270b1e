/**
 * Files of projects that were deleted or moved to memory, and that could not be moved away because the folder accepts no renames or the
 * disk fails. The change is in force all the same. The files stay where they are until a repeated request, the next startup or a person
 * moves them; readiness counts them until then.
 */
import type { LogHome } from '../../log/log-home.js';

/** Moves files of projects that are gone, and remembers the files that it could not move. */
export class UnmovedFiles {
  readonly #home: Pick<LogHome, 'leave' | 'remove'>;
  /** By project id: the log that leaves, or undefined if the project was deleted. */
  readonly #unmoved = new Map<string, string | undefined>();

  constructor(home: Pick<LogHome, 'leave' | 'remove'>) {
    this.#home = home;
  }

  /** Number of projects with files that should have been moved. */
  get projectCount(): number {
    return this.#unmoved.size;
  }

  /** Remembers the files of a deleted project that startup could not move. */
  remember(id: string): void {
    this.#unmoved.set(id, undefined);
  }

  /** Forgets a project under whose name no file is left: a person has moved them. */
  forget(id: string): void {
    this.#unmoved.delete(id);
  }

  /**
   * Moves the files of a project that was moved to memory to the folder that keeps them.
   *
   * @throws the error of the disk; the files are remembered then
   */
  async leave(id: string, logId: string): Promise<void> {
    await this.#move(id, logId, () => this.#home.leave(id, logId));
  }

  /**
   * Moves the files of a deleted project to the folder where they are erased.
   *
   * @throws the error of the disk; the files are remembered then
   */
  async remove(id: string, logId: string): Promise<void> {
    await this.#move(id, undefined, () => this.#home.remove(id, logId));
  }

  /**
   * Retries to move the files that an earlier move to memory left behind, before the name is used for anything else.
   *
   * @returns false if there are none
   * @throws the error of the disk
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
