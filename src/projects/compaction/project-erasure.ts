/**
 * Erases from the files of a project what its `redact` lines name. Such a line is the intent, durable before any file changes; the snapshot
 * that covers it, which is committed once nothing but older snapshots can have the values, proves that this was carried out. So a crash at
 * any point leaves a redaction that no snapshot covers, or an older snapshot, and the next startup goes on: nothing here does harm twice.
 *
 * The order: segments; copies besides the log; unfinished snapshots; then, by the caller, a new snapshot, which is read completely before
 * older ones go; and last, if the log continues from a snapshot that must stay, the values in that one.
 */
import { withDiskCode } from '../../base/app-error.js';
import type { RedactedLine } from '../../events/event.js';
import type { SnapshotFolder } from '../../projections/snapshot/snapshot-folder.js';
import { erasedValue } from '../../projections/snapshot/erase-values.js';
import type { SnapshotManifest } from '../../projections/snapshot/snapshot.js';
import type { Log } from '../../log/log.js';
import type { CommandContext } from '../../store/command.js';
import { eventOf } from '../../store/event-of-line.js';
import { type FindGone, planRedaction, type RedactionRequest, type RedactionResult } from '../redaction.js';
import { damageOf, toCompactionError } from './damaged-snapshot.js';
import { asApplied } from '../changes/failed-change.js';
import { baseOf, isBaseDue, isErasureDue } from '../erasure-due.js';
import type { FileLeases } from './file-leases.js';
import type { CompactionParts } from './project-compaction.js';

const UNFINISHED = 'Cannot finish erasing values, which goes on by itself';
const REPAIRS_STAY = 'folders of repairs that are not complete may keep erased values; complete the repairs, then erase again';

/**
 * Erases something else that keeps values of a project, such as states of earlier moments. None of it comes back before the files have been
 * leased again.
 */
export type ValueEraser = (project: string) => Promise<void>;

/** The committed snapshots of a project. */
interface Generations {
  /** Newest first. */
  list(): readonly SnapshotManifest[];
  /** Replaces the manifest of one; undefined: it was removed. */
  replace(seq: number, manifest: SnapshotManifest | undefined): void;
}

/** Erases what is redacted of one project. One call at a time. */
export class ProjectErasure {
  readonly #parts: CompactionParts;
  readonly #leases: FileLeases;
  readonly #generations: Generations;

  constructor(parts: CompactionParts, leases: FileLeases, generations: Generations) {
    this.#parts = parts;
    this.#leases = leases;
    this.#generations = generations;
  }

  /** {@inheritDoc isErasureDue} */
  get isDue(): boolean {
    return isErasureDue(this.#parts, this.#generations.list());
  }

  /**
   * Records what is to be erased, and has it erased.
   *
   * @param finish compacts the project
   * @throws {AppError} see `ProjectCompaction.redact`
   */
  async redact(request: RedactionRequest, context: CommandContext, finish: () => Promise<unknown>): Promise<RedactionResult> {
    const end = await this.#exclude();
    try {
      const { store, snapshots } = this.#parts;
      const find = goneValuesIn(snapshots, this.#generations.list());
      const { lines, alreadyErased, withoutValue } = await planRedaction(store, request.seqs, find);
      const base = await this.#planBase(lines);
      const command = { type: 'redact', reason: request.reason, lines, ...(base && { base }) } as const;
      const line = lines.length === 0 ? undefined : await store.submit(command, context);
      if (this.isDue) {
        await finish().catch((error: unknown) => {
          throw asApplied(toCompactionError(withDiskCode(error, UNFINISHED)), UNFINISHED);
        });
      }
      const seqAndHash = line?.hash === undefined ? undefined : { seq: line.seq, hash: line.hash };
      return { line: seqAndHash, erased: lines.map(({ seq }) => seq), alreadyErased, withoutValue };
    } finally {
      end();
    }
  }

  /** Ends what may hold leases for long and keeps values besides, then excludes all other leases. */
  async #exclude(): Promise<() => void> {
    const { store, erasers = [] } = this.#parts;
    for (const erase of erasers) await erase(store.id);
    return this.#leases.exclude();
  }

  /** Computes which digest the base will have, if values in it are to be erased. */
  async #planBase(lines: readonly RedactedLine[]): Promise<{ readonly old: string; readonly new: string } | undefined> {
    const { log, snapshots } = this.#parts;
    const base = baseOf(this.#parts, this.#generations.list());
    const seqs = new Set(lines.filter(({ digest }) => digest === null).map(({ seq }) => seq));
    if (base === undefined || seqs.size === 0) return undefined;
    const wasGone = await goneVersionsOf(log);
    const { digest } = await snapshots.read(base.seq);
    const planned = await snapshots.digestErased(base, (seq) => seqs.has(seq) || wasGone(seq));
    return planned === digest ? undefined : { old: digest, new: planned };
  }

  /**
   * Erases values in segments and in everything that is kept besides the log and its snapshots, then has a snapshot made.
   *
   * @throws {AppError} `busy`, `disk_full`, `project_corrupt`; the rest is still to be erased
   */
  async during<T>(signal: AbortSignal, makeSnapshot: () => Promise<T>): Promise<T> {
    const end = await this.#exclude();
    try {
      await this.#eraseFiles(signal);
      return await makeSnapshot();
    } finally {
      end();
    }
  }

  /** Reads that have begun keep what they read. */
  async #eraseFiles(signal: AbortSignal): Promise<void> {
    const { store, log, snapshots, diskHome, logger } = this.#parts;
    await store.redactions.forgetErased();
    const lines = store.redactions.unfinished.flatMap(({ event }) => event.lines).filter(({ digest }) => digest !== null);
    for (const { firstSeq, lastSeq } of log.sealed?.list() ?? []) {
      signal.throwIfAborted();
      const seqs = lines.map(({ seq }) => seq).filter((seq) => seq >= firstSeq && seq <= lastSeq);
      if (seqs.length > 0) await log.sealed?.erase(firstSeq, seqs);
    }
    // Events that were read meanwhile have values that the files had until now.
    await store.redactions.forgetErased();
    const folders = await diskHome.eraseCopies(store.id);
    if (folders.length > 0) logger.warn({ project: store.id, folders }, REPAIRS_STAY);
    await snapshots.dropUnfinished();
  }

  /**
   * Removes the snapshots of lines before a redaction, in favour of one that is read completely first, and erases values in the base.
   *
   * @throws {SnapshotCorruptError} if the newest one is damaged: the others stay
   */
  async eraseSnapshots(newest: SnapshotManifest, signal: AbortSignal): Promise<void> {
    const { store, log, snapshots } = this.#parts;
    const redaction = store.redactions.newest;
    if (redaction === undefined) return;
    const generations = this.#generations.list();
    const base = baseOf(this.#parts, generations);
    const outdated = generations.filter((each) => each.seq < redaction.seq && each !== base);
    const damage = outdated.length === 0 ? undefined : await damageOf(this.#parts, newest, signal);
    if (damage !== undefined) throw damage;
    for (const { seq } of outdated) {
      await snapshots.remove(seq);
      this.#generations.replace(seq, undefined);
    }
    if (base === undefined || redaction.base === undefined || !isBaseDue(this.#parts, base)) return;
    const { new: digest } = redaction.base;
    const erased = await snapshots.erase(base, await goneVersionsOf(log), digest);
    this.#generations.replace(base.seq, { ...erased, digest } as SnapshotManifest);
  }
}

/** Returns how to find values of lines that the log no longer has, in its snapshots. */
function goneValuesIn(snapshots: SnapshotFolder, generations: readonly SnapshotManifest[]): FindGone {
  return async (seqs) => {
    const keys = new Map<number, Set<string>>();
    const kept = new Set<number>();
    for (const manifest of generations) {
      for await (const group of snapshots.readIndex(manifest)) {
        for (const { key, seq, offset, sizeBytes } of group) {
          if (!seqs.has(seq)) continue;
          keys.set(seq, (keys.get(seq) ?? new Set()).add(key));
          const value = await snapshots.readValue(manifest.seq, offset, sizeBytes);
          if (!value.equals(erasedValue(sizeBytes))) kept.add(seq);
        }
      }
    }
    return new Map([...keys].map(([seq, names]) => [seq, kept.has(seq) ? goneLine(seq, [...names]) : 'erased']));
  };
}

function goneLine(seq: number, keys: readonly string[]): RedactedLine {
  const [key] = keys;
  const left = keys.length === 1 ? { key } : { ops: keys.map((each) => ({ op: 'set', key: each })) };
  return { seq, digest: null, bytes: null, left };
}

const REDACT_MARK = Buffer.from('"op":"redact"');

/** Tells which versions of keys were erased that were older than the log. They may be in the snapshot that it continues from. */
async function goneVersionsOf(log: Log): Promise<(seq: number) => boolean> {
  const seqs = new Set<number>();
  const range = { fromSeq: log.firstSeq(), toSeq: log.position().seq, wanted: [REDACT_MARK] };
  for await (const { lines } of log.scan(range)) {
    for (const line of lines) {
      if (line.op !== 'redact') continue;
      const event = eventOf(line);
      if (event.op === 'redact') for (const { seq, digest } of event.lines) if (digest === null) seqs.add(seq);
    }
  }
  return (seq) => seqs.has(seq);
}
