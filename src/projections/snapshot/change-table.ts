/**
 * Collects the changes since the previous generation in bounded memory. Beyond the limits, spills them sorted to run files, without values,
 * since the log has those. Owns the run files.
 *
 * A crash leaves run files, which the next startup or attempt drops.
 */
import { join } from 'node:path';
import { crc32 } from 'node:zlib';
import { compareUtf8 } from '../../base/compare-utf8.js';
import { invariant } from '../../base/invariant.js';
import { DataFileReader, readLines } from './data-file-reader.js';
import { DataFileWriter } from './data-file-writer.js';
import { decodeKeyChanges, encodeKeyChange, type KeyChange } from './key-change.js';
import { inOneGroup, mergeChanges } from './merge-changes.js';
import type { SnapshotChange, SnapshotFile } from './snapshot.js';
import { snapshotName } from './snapshot-names.js';
import type { NewGeneration } from './snapshot-writer.js';

/** Limits of a change table. */
export interface ChangeLimits {
  /** Keys in memory. */
  readonly keysHeld: number;
  /** Total length of those keys in UTF-16 units. */
  readonly keyUnitsHeld: number;
  /** Total length of values in memory in UTF-16 units; beyond, only their places are kept. */
  readonly valueUnitsHeld: number;
  /** Run files that are merged into one. */
  readonly runs: number;
}

/** The default limits: some tens of megabytes. */
export const CHANGE_LIMITS: ChangeLimits = { keysHeld: 50_000, keyUnitsHeld: 8_388_608, valueUnitsHeld: 16_777_216, runs: 32 };

interface RunFile {
  readonly name: string;
  readonly content: SnapshotFile;
}

/** The newest change of each key. */
export class ChangeTable {
  readonly #target: NewGeneration;
  readonly #limits: ChangeLimits;
  #held = new Map<string, KeyChange>();
  #keyUnits = 0;
  #valueUnits = 0;
  /** Oldest first. */
  #runs: RunFile[] = [];
  #runCount = 0;
  /** Names of all run files that may exist. */
  readonly #names = new Set<string>();
  #hasStored: boolean;

  /** @param hasStored whether there is a previous generation */
  constructor(target: NewGeneration, limits: ChangeLimits, hasStored: boolean) {
    this.#target = target;
    this.#limits = limits;
    this.#hasStored = hasStored;
  }

  /** Whether the previous generation still counts: it does until all keys are cleared. */
  get hasStored(): boolean {
    return this.#hasStored;
  }

  /** Adds a change, which must not be older than those before it. */
  async take(change: SnapshotChange): Promise<void> {
    if (change.kind === 'clear') {
      this.#forgetHeld();
      this.#hasStored = false;
      this.#runs = [];
      await this.close();
      return;
    }
    this.#hold(change);
    const { keysHeld, keyUnitsHeld } = this.#limits;
    if (this.#held.size >= keysHeld || this.#keyUnits >= keyUnitsHeld) await this.#spill();
  }

  #hold(change: Exclude<SnapshotChange, { kind: 'clear' }>): void {
    const { key, seq } = change;
    const known = this.#held.get(key);
    invariant(known === undefined || known.seq <= seq, 'changes come in the order of their seqs');
    this.#valueUnits -= known?.set?.value?.length ?? 0;
    if (known === undefined) this.#keyUnits += key.length;
    if (change.kind === 'delete') {
      // A deletion is kept only if it may hide an older version of the key.
      if (this.#hasStored || this.#runs.length > 0) this.#held.set(key, { key, seq, set: undefined });
      else if (this.#held.delete(key) || known === undefined) this.#keyUnits -= key.length;
      return;
    }
    const { value, timeMs, place } = change;
    const isHeld = this.#valueUnits + value.length <= this.#limits.valueUnitsHeld;
    if (isHeld) this.#valueUnits += value.length;
    this.#held.set(key, { key, seq, set: { timeMs, place, crc: crc32(value), value: isHeld ? value : undefined } });
  }

  #forgetHeld(): void {
    this.#held = new Map();
    this.#keyUnits = 0;
    this.#valueUnits = 0;
  }

  #sortedHeld(): readonly KeyChange[] {
    return [...this.#held.values()].sort((a, b) => compareUtf8(a.key, b.key));
  }

  async #spill(): Promise<void> {
    const sorted = this.#sortedHeld();
    this.#forgetHeld();
    this.#runs.push(await this.#writeRun(inOneGroup(sorted)));
    if (this.#runs.length < this.#limits.runs) return;
    const merged = await this.#writeRun(mergeChanges(this.#runs.map((run) => this.#readRun(run))));
    const obsolete = this.#runs;
    this.#runs = [merged];
    for (const { name } of obsolete) await this.#remove(name);
  }

  async #writeRun(changes: AsyncIterable<readonly KeyChange[]>): Promise<RunFile> {
    const { disk, folder, seq } = this.#target;
    this.#runCount += 1;
    const name = snapshotName(seq, `run-${this.#runCount}`);
    await disk.unlink(join(folder, name));
    this.#names.add(name);
    let file: DataFileWriter | undefined;
    try {
      file = await DataFileWriter.create(disk, join(folder, name));
      for await (const group of changes) {
        for (const change of group) file.put(encodeKeyChange(change));
        if (file.isDrainDue) await file.drain();
      }
      // Not synced: it is never read after a crash.
      return { name, content: await file.finish(false) };
    } catch (error) {
      await file?.close().catch(() => undefined);
      throw error;
    }
  }

  async* #readRun({ name, content }: RunFile): AsyncGenerator<readonly KeyChange[]> {
    const { disk, folder } = this.#target;
    const reader = await DataFileReader.open(disk, { folder, name, content }, {});
    try {
      for await (const { bytes } of readLines(reader)) yield decodeKeyChanges(bytes);
    } finally {
      await reader.close();
    }
  }

  /**
   * Returns the newest change of each key.
   *
   * @returns groups, ascending by the UTF-8 bytes of the keys, each key once
   */
  merged(): AsyncGenerator<readonly KeyChange[]> {
    return mergeChanges([...this.#runs.map((run) => this.#readRun(run)), inOneGroup(this.#sortedHeld())]);
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
