/**
 * The contract of snapshots: the state of a project at one seq, stored so that startup need not replay the events before it.
 * `docs/snapshot-format.md` specifies the bytes.
 *
 * A generation is three or four files in the project's folder, written once and never changed; `<S>` is its seq in 20 digits:
 *
 * - `snap-<S>.json`: one JSON object with the keys in the order of their UTF-8 bytes and each value token for token.
 *   `<project>.json` beside the log is a copy of it: an output, never read here.
 * - `snap-<S>.index`: one line per key, in the same order: version, tag, time, expiry, and the place of its value in the `.json`, with a
 *   CRC-32.
 * - `snap-<S>.requests`: one line per request that is remembered, in the order of their seqs. Absent if there is none.
 * - `snap-<S>.manifest`: seq, hash and time of the last event in it, counts, sizes and SHA-256 of the other files, and the
 *   rest of the state. It is renamed into place last: a generation without a manifest does not exist.
 *
 * Rules:
 *
 * - A snapshot contains only durable events.
 * - No byte of a generation is trusted before its digest, or for a single value its CRC, has been checked.
 * - A generation whose manifest says `base` holds the state before the first line of its log. It stays as long as that line does.
 * - Files without a manifest are left over from an interrupted attempt; the next startup or attempt drops them.
 */
import type { SetBytes } from '../../events/event.js';
import type { KeyRange } from '../../events/key-range.js';

/** The last event in a snapshot. */
export interface SnapshotPosition {
  readonly project: string;
  readonly logId: string;
  /** From 1. */
  readonly seq: number;
  /** Hash of that line. */
  readonly hash: string;
  /** Time of that line, in milliseconds since 1970. */
  readonly timeMs: number;
}

/** Count and checksum of keys, versions and expiries. Two states that differ in those agree here with a probability of 2^-32. */
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

/** The file of remembered requests. */
export interface RequestsFile extends SnapshotFile {
  /** Number of requests, from 1. */
  readonly count: number;
}

/** A format of a generation: 1 has no tags, no expiries and no requests. */
export type SnapshotFormat = 1 | 2;

/** The two data files of a generation, written and synced. They count once they have a manifest. */
export interface SnapshotData extends KeyCensus {
  readonly format: SnapshotFormat;
  readonly json: SnapshotFile;
  readonly index: SnapshotFile;
}

/** The content of a manifest. */
export interface SnapshotManifest extends SnapshotPosition, SnapshotData {
  /** Null if no request is remembered. */
  readonly requests: RequestsFile | null;
  /** True: the log begins after it, and nothing else has its content. */
  readonly isBase: boolean;
  /** Text sizes in bytes of the sealed segments that it covers, by first seq, oldest first. */
  readonly segments: readonly (readonly [firstSeq: number, sizeBytes: number])[];
  /** The state of the project besides keys and values, as JSON. Opaque to the snapshot. */
  readonly state: unknown;
}

/** A key of a snapshot, without its value. */
export interface IndexEntry {
  readonly key: string;
  /** Version: the seq of its last change. */
  readonly seq: number;
  /** Tag of that version; see `key-entry.ts`. In format 1, the log id's first 8 digits stand for it. */
  readonly tag: number;
  /** Time of that change, in milliseconds since 1970. */
  readonly timeMs: number;
  /** From when on the key does not exist, in milliseconds since 1970; null for never, as for all keys of format 1. */
  readonly expiresAtMs: number | null;
  /** Offset of its value in the `.json`, in bytes. */
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

type NewVersion = Pick<IndexEntry, 'seq' | 'tag' | 'timeMs' | 'expiresAtMs'>;

/** A change since the previous snapshot. */
export type SnapshotChange =
  /** The same as `set`, for a key that does not expire. The bytes are valid until the next changes are asked for. */
  | ({ readonly kind: 'set.bytes'; readonly bytes: SetBytes } & Pick<IndexEntry, 'seq' | 'tag' | 'timeMs'>)
  | ({ readonly kind: 'set'; readonly key: string; readonly value: string } & NewVersion)
  /** Another version and another expiry; the value stays. */
  | ({ readonly kind: 'touch'; readonly key: string } & NewVersion)
  | { readonly kind: 'delete'; readonly key: string; readonly seq: number }
  | { readonly kind: 'range'; readonly range: KeyRange; readonly seq: number }
  | { readonly kind: 'clear'; readonly seq: number };
