/**
 * Collects the changes since the previous generation in bounded memory. Beyond the limit, writes them sorted to run files and merges those
 * in passes, each of which reads and writes a change once: an external merge sort. Owns the run files.
 *
 * A crash leaves run files, which the next startup or attempt drops.
 */
import { join } from 'node:path';
import { type ChangeBlock, compareRecords, type KeyedChange, roomFor, writeRecord } from './change-block.js';
import { mergeChanges } from './merge-changes.js';
import { NewestChanges } from './newest-changes.js';
import { readRun, type RunFile, writeRun } from './run-file.js';
import type { SnapshotChange } from './snapshot.js';
import { snapshotName } from './snapshot-names.js';
import type { NewGeneration } from './snapshot-writer.js';

/** Limits of a change table. */
export interface ChangeLimits {
  /** Bytes of changes in memory, unless a single one is larger. */
  readonly bytesHeld: number;
  /** Run files of a level that are merged into one of the next level, from 2. A merge holds a block of each in memory. */
  readonly runs: number;
}

/** The default limits: some tens of megabytes. */
export const CHANGE_LIMITS: ChangeLimits = { bytesHeld: 16_777_216, runs: 32 };

/** A run file, and how many merges its changes have been through. */
interface LeveledRun extends RunFile {
  readonly level: number;
}

/** The newest change of each key. */
export class ChangeTable {
  readonly #target: NewGeneration;
  readonly #limits: ChangeLimits;
  /** Records in the order of the changes. */
  #held: Buffer;
  #heldBytes = 0;
  /** The offset of each record in it. */
  #offsets: number[] = [];
  /** Oldest first; levels do not rise. */
  #runs: LeveledRun[] = [];
  #runCount = 0;
  /** Names of all run files that may exist. */
  readonly #names = new Set<string>();
  #hasStored: boolean;

  /** @param hasStored whether there is a previous generation */
  constructor(target: NewGeneration, limits: ChangeLimits, hasStored: boolean) {
    this.#target = target;
    this.#limits = limits;
    this.#hasStored = hasStored;
    this.#held = Buffer.allocUnsafe(limits.bytesHeld);
  }

  /** Whether the previous generation still counts: it does until all keys are cleared. */
  get hasStored(): boolean {
    return this.#hasStored;
  }

  /**
   * Adds a change, which must not be older than those before it.
   *
   * @returns undefined if that is done, as for most changes: waiting for each would take longer than adding it
   */
  take(change: SnapshotChange): Promise<void> | undefined {
    if (change.kind === 'clear') return this.#clear();
    if (roomFor(change) > this.#held.length - this.#heldBytes) return this.#spillAndTake(change);
    this.#hold(change);
    return undefined;
  }

  #hold(change: KeyedChange): void {
    this.#offsets.push(this.#heldBytes);
    this.#heldBytes = writeRecord(change, this.#held, this.#heldBytes);
  }

  async #clear(): Promise<void> {
    this.#forgetHeld();
    this.#hasStored = false;
    this.#runs = [];
    await this.close();
  }

  async #spillAndTake(change: KeyedChange): Promise<void> {
    await this.#spill();
    const neededBytes = Math.max(roomFor(change), this.#limits.bytesHeld);
    if (this.#held.length !== neededBytes) this.#held = Buffer.allocUnsafe(neededBytes);
    this.#hold(change);
  }

  #forgetHeld(): void {
    this.#heldBytes = 0;
    this.#offsets = [];
  }

  /** The newest held change of each key, ascending. */
  async* #sortedHeld(): AsyncGenerator<ChangeBlock> {
    const held = this.#held;
    // Of the records of a key the newest comes first.
    this.#offsets.sort((a, b) => compareRecords(held, a, held, b) || b - a);
    const newest = new NewestChanges();
    for (const offset of this.#offsets) {
      newest.take(held, offset, undefined);
      if (newest.isFull) yield* newest.takeFull();
    }
    yield* newest.takeAll();
  }

  async #spill(): Promise<void> {
    if (this.#offsets.length === 0) return;
    this.#runs.push(await this.#writeRun(this.#sortedHeld(), 0));
    this.#forgetHeld();
    for (let level = 0; ; level += 1) {
      // The newest ones, since lower levels have been merged already.
      const full = this.#runs.filter((run) => run.level === level);
      if (full.length < this.#limits.runs) return;
      const merged = await this.#writeRun(mergeChanges(full.map((run) => readRun(this.#target, run))), level + 1);
      this.#runs = [...this.#runs.slice(0, -full.length), merged];
      for (const { name } of full) await this.#remove(name);
    }
  }

  async #writeRun(blocks: AsyncIterable<ChangeBlock>, level: number): Promise<LeveledRun> {
    const { disk, folder, seq } = this.#target;
    this.#runCount += 1;
    const name = snapshotName(seq, `run-${this.#runCount}`);
    await disk.unlink(join(folder, name));
    this.#names.add(name);
    return { ...(await writeRun(this.#target, name, blocks)), level };
  }

  /**
   * Returns the newest change of each key, ascending by the bytes of the keys.
   *
   * @throws {RunDamagedError} when the disk does not return what was spilled
   */
  merged(): AsyncGenerator<ChangeBlock> {
    return mergeChanges([...this.#runs.map((run) => readRun(this.#target, run)), this.#sortedHeld()]);
  }

  async #remove(name: string): Promise<void> {
    await this.#target.disk.unlink(join(this.#target.folder, name));
    this.#names.delete(name);
  }

  /** Removes the run files. The next startup or attempt drops one that cannot be removed now. */
  async close(): Promise<void> {
    for (const name of this.#names) await this.#remove(name).catch(() => undefined);
  }
}
