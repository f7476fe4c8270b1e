/**
 * The contract of snapshots: what a project amounted to at one seq, written down, so that a start need not replay what came
 * before. `docs/snapshot-format.md` is the specification of the bytes.
 *
 * A generation is three files in the project's folder, made once and never changed, `<S>` being its seq in 20 digits:
 *
 * - `snap-<S>.json`: one JSON object, key by key in the order of their UTF-8 bytes, each value token for token.
 *   `<project>.json` beside the log is a copy of it: an output, which nothing here reads.
 * - `snap-<S>.index`: one line a key, in the same order: version, time, and where its value lies in the `.json`, with a CRC-32.
 * - `snap-<S>.manifest`: seq, hash and time of the last event that is in it, counts, sizes and SHA-256 of the other two, and the
 *   rest of the state. It is renamed into place last: a generation whose manifest is not there does not exist.
 *
 * Rules:
 *
 * - Only durable events are in a snapshot.
 * - Nothing of a generation is believed before its digest, or for a single value its CRC, has been checked.
 * - A generation whose manifest says `base` holds what came before the first line of its log. It stays as long as that line does.
 * - Files without a manifest are the rest of an attempt that was interrupted, and are dropped at the next start or attempt.
 */
import type { TextPlace } from '../../base/text-place.js';

/** The last event that a snapshot holds. */
export interface SnapshotPosition {
  readonly project: string;
  /** The log that the snapshot is of. */
  readonly logId: string;
  /** From 1. */
  readonly seq: number;
  /** Hash of that line. */
  readonly hash: string;
  /** Time of that line, in milliseconds since 1970. */
  readonly timeMs: number;
}

/** Count and sum of keys and versions: two states that differ in any of them differ here, but for one case in 2^32. */
export interface KeyCensus {
  readonly keyCount: number;
  /** See `key-sum.ts`. */
  readonly keySum: number;
}

/** One file of a generation. */
export interface SnapshotFile {
  readonly sizeBytes: number;
  /** 64 hexadecimal digits. */
  readonly sha256: string;
}

/** The two data files of a generation, written and synced; without a manifest they do not count. */
export interface SnapshotData extends KeyCensus {
  readonly json: SnapshotFile;
  readonly index: SnapshotFile;
}

/** What a manifest says. */
export interface SnapshotManifest extends SnapshotPosition, SnapshotData {
  /** True: the log begins after it, and nothing else holds what is in it. */
  readonly isBase: boolean;
  /** Sizes in bytes of the text of the sealed segments that it covers, by first seq, oldest first. */
  readonly segments: readonly (readonly [firstSeq: number, sizeBytes: number])[];
  /** Everything about the project that is not keys and values, as JSON; the snapshot does not know what it means. */
  readonly state: unknown;
}

/** A key of a snapshot, without its value. */
export interface IndexEntry {
  readonly key: string;
  /** Version: the seq of its last change. */
  readonly seq: number;
  /** When that was, in milliseconds since 1970. */
  readonly timeMs: number;
  /** Where its value begins in the `.json`, in bytes. */
  readonly offset: number;
  /** Length of its value in bytes. */
  readonly sizeBytes: number;
  /** CRC-32 of the bytes of its value. */
  readonly crc: number;
}

/** A key of a snapshot with its value. */
export interface SnapshotEntry extends IndexEntry {
  /** The value's JSON text, one line, token for token. */
  readonly value: string;
}

/** A change since the snapshot that a new one is built from. */
export type SnapshotChange =
  | {
      readonly kind: 'set';
      readonly key: string;
      readonly value: string;
      readonly seq: number;
      readonly timeMs: number;
      /** Where the bytes of the value alone can be read again, so that not all of them need be held at once. */
      readonly place: TextPlace;
    }
  | { readonly kind: 'delete'; readonly key: string; readonly seq: number }
  | { readonly kind: 'clear'; readonly seq: number };
