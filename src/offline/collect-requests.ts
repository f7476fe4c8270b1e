/**
 * Collects the requests that are remembered at the end of a state, from a snapshot and the lines after it, without the memory for all keys:
 * for the base snapshot of a log that is made offline.
 *
 * Only whether a `set` created its key is not in its line. It follows from the keys of the snapshot and the lines before, so these are read
 * again, if there is such a line at all, for the keys that matter.
 */
import { keyChangesOf, type ProjectEvent, rangeOf, removesKey } from '../events/event.js';
import { idempotencyKeyIn } from '../events/idempotency.js';
import { isInRange } from '../events/key-range.js';
import { checksumOfKeys } from '../events/keys-checksum.js';
import type { LogLine } from '../log/log.js';
import { type KeptRecords, requestsIn } from '../projections/requests/request-records.js';
import { RequestWindow } from '../projections/requests/request-window.js';
import type { SnapshotFolder } from '../projections/snapshot/snapshot-folder.js';
import type { SnapshotManifest } from '../projections/snapshot/snapshot.js';
import { projectEventOf } from './project-files.js';

/** The state whose requests are wanted. */
interface RequestSource {
  readonly snapshots: SnapshotFolder;
  /** The snapshot that it begins with; undefined: the beginning of the log. */
  readonly previous: SnapshotManifest | undefined;
  /** Reads the lines after that, each checked, in groups. Called up to twice. */
  readonly lines: () => AsyncIterable<readonly LogLine[]>;
}

/**
 * Collects the requests.
 *
 * @throws {SnapshotCorruptError} when the snapshot is damaged
 * @throws {LogCorruptError} when a line is damaged
 */
export async function collectRequests(source: RequestSource): Promise<KeptRecords> {
  const found = await collect(source, undefined);
  const known = source.previous?.seq ?? 0;
  const checksums = new Set<number>();
  for (const { op, seq, checksum } of requestsIn(found)) if (op.startsWith('set') && seq > known) checksums.add(checksum);
  return checksums.size === 0 ? found : await collect(source, await KnownKeys.before(source, checksums));
}

/** @param keys undefined: it does not matter yet whether a key existed */
async function collect({ snapshots, previous, lines }: RequestSource, keys: KnownKeys | undefined): Promise<KeptRecords> {
  const window = new RequestWindow();
  let lastMs = previous?.timeMs ?? 0;
  if (previous !== undefined) {
    for await (const group of snapshots.readRequests(previous)) for (const request of group) window.add(request);
  }
  for await (const group of lines()) {
    for (const line of group) {
      lastMs = line.timeMs;
      const key = idempotencyKeyIn(line.request);
      if (key !== undefined) {
        const { seq, timeMs, hash, actor } = line;
        const event = projectEventOf(line);
        window.apply({ event, seq, timeMs, hash, actor }, key, countOf(event, keys));
      }
      keys?.take(line);
    }
  }
  return window.save(lastMs);
}

/** Of the keys that a deletion of many counts, some may have expired before. */
function countOf(event: ProjectEvent, keys: KnownKeys | undefined): number {
  if ('count' in event) return event.count;
  if (event.op === 'batch') return event.ops.length;
  return isOfOneValue(event) && keys?.has(event.key) !== true ? 1 : 0;
}

function isOfOneValue(event: ProjectEvent): event is Extract<ProjectEvent, { op: 'set' | 'set.until' }> {
  return event.op === 'set' || event.op === 'set.until';
}

/** Which of the keys that matter exist. */
class KnownKeys {
  readonly #checksums: ReadonlySet<number>;
  readonly #keys = new Set<string>();

  private constructor(checksums: ReadonlySet<number>) {
    this.#checksums = checksums;
  }

  /**
   * Reads the keys of the snapshot.
   *
   * @param checksums of the keys that matter, each alone
   */
  static async before({ snapshots, previous }: RequestSource, checksums: ReadonlySet<number>): Promise<KnownKeys> {
    const known = new KnownKeys(checksums);
    if (previous === undefined) return known;
    for await (const group of snapshots.readIndex(previous)) for (const { key } of group) known.#add(key);
    return known;
  }

  has(key: string): boolean {
    return this.#keys.has(key);
  }

  #add(key: string): void {
    if (this.#checksums.has(checksumOfKeys([key]))) this.#keys.add(key);
  }

  take(line: LogLine): void {
    const event = projectEventOf(line);
    if (event.op === 'clear') this.#keys.clear();
    if (event.op === 'clear.range') for (const key of this.#keys) if (isInRange(key, rangeOf(event))) this.#keys.delete(key);
    for (const change of keyChangesOf(event)) {
      if (removesKey(change)) this.#keys.delete(change.key);
      else this.#add(change.key);
    }
  }
}
