/**
 * The memory for the remembered requests of all projects. When it is used up, the project that uses most of it forgets its oldest ones, so
 * that one busy project leaves the others theirs.
 */

/** A user of the memory. */
interface BudgetUser {
  /** Memory in bytes. */
  readonly sizeBytes: number;
  /** Gives up some of it, the oldest first; all of it when called often enough. */
  shrink(): void;
}

/** Shares memory out. */
export class RequestBudget {
  #bytesMax: number;
  /** With the bytes that each of them uses. */
  readonly #users = new Map<BudgetUser, number>();
  #bytes = 0;

  constructor(bytesMax: number) {
    this.#bytesMax = bytesMax;
  }

  /** Memory in use, in bytes. */
  get bytes(): number {
    return this.#bytes;
  }

  /** Takes the new size of a user, and makes room if there is too much in all. */
  note(user: BudgetUser): void {
    this.#take(user);
    this.#makeRoom();
  }

  /** Changes the memory for all, and makes room if there is too much. */
  resize(bytesMax: number): void {
    this.#bytesMax = bytesMax;
    this.#makeRoom();
  }

  #makeRoom(): void {
    while (this.#bytes > this.#bytesMax) {
      const largest = this.#largest();
      if (largest === undefined) return;
      largest.shrink();
      this.#take(largest);
    }
  }

  #take(user: BudgetUser): void {
    const { sizeBytes } = user;
    this.#bytes += sizeBytes - (this.#users.get(user) ?? 0);
    // What uses nothing is not held, or a project that is gone would never be free.
    if (sizeBytes === 0) this.#users.delete(user);
    else this.#users.set(user, sizeBytes);
  }

  #largest(): BudgetUser | undefined {
    let largest: BudgetUser | undefined;
    let most = 0;
    for (const [user, bytes] of this.#users) {
      if (bytes <= most) continue;
      largest = user;
      most = bytes;
    }
    return largest;
  }
}
