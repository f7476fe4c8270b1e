/**
 * How much a store has to do and how large its log is, for what measures it. Read seldom, so nothing is kept up to date for it.
 */
import type { BatchTurn } from './batch-turn.js';
import type { CommandQueue } from './command-queue.js';

/** Sizes of one store at this moment. */
export class StoreLoad {
  readonly #queue: CommandQueue;
  readonly #turn: BatchTurn;

  constructor(queue: CommandQueue, turn: BatchTurn) {
    this.#queue = queue;
    this.#turn = turn;
  }

  /** Number of commands that wait for their turn. */
  get queueCommands(): number {
    return this.#queue.length;
  }

  /** Bytes of these commands. */
  get queueBytes(): number {
    return this.#queue.sizeBytes;
  }

  /** The files of the log; none of one in memory. */
  logFiles(): { readonly count: number; readonly sizeBytes: number } {
    const { log } = this.#turn;
    const active = log.extent?.().active;
    if (active === undefined) return { count: 0, sizeBytes: 0 };
    const sealed = log.sealed?.list() ?? [];
    return { count: sealed.length + 1, sizeBytes: sealed.reduce((sum, { storedBytes }) => sum + storedBytes, active.sizeBytes) };
  }
}
