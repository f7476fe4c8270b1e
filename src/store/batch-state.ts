/**
 * The state on which the commands of a batch are decided: the durable state plus the earlier decisions of the batch, all of it at one time.
 * Readers never see it.
 */
import { invariant } from '../base/invariant.js';
import { expiryAfter, type KeyChanged, keyChangesOf, type ProjectEvent, removesKey, setsValue } from '../events/event.js';
import { hasExpired } from '../events/expiry.js';
import type { KeyRange } from '../events/key-range.js';
import type { ProjectSettings } from '../events/project-settings.js';
import type { ProjectModel } from '../projections/project-model.js';
import type { DecisionState } from './decide.js';
import { EXPIRED_KEYS_MAX } from './expired-keys.js';
import { byteGrowth } from './quota.js';

/** The state of a batch while it is decided. */
export class BatchState implements DecisionState {
  readonly nowMs: number;
  readonly #model: ProjectModel;
  /** Versions of the keys that the batch has changed; 0 for deleted ones. */
  readonly #versions = new Map<string, number>();
  /** When those of them expire that do. */
  readonly #expiries = new Map<string, number>();
  /** Expired keys of the durable state that the batch has not removed, and on which something was decided. */
  #metExpired = new Set<string>();
  /** How many expired keys of the durable state it has removed. */
  #removedExpired = 0;
  /** Sizes of the values that the batch has set, in bytes; undefined until there is a quota of bytes, which alone needs them. */
  #valueBytes: Map<string, number> | undefined;
  /** What was added so far. */
  readonly #events: ProjectEvent[] = [];
  #hasMadeRoom = false;
  /** True once the batch has cleared all keys: the durable values no longer count. */
  #isCleared = false;
  #keyCount: number;
  #contentBytes: number;
  #settings: ProjectSettings | undefined;
  #keyId: string | null;
  #nextSeq: number;
  #redactionSeq: number;

  /** @param nowMs the time of the lines of the batch */
  constructor(model: ProjectModel, nowMs: number) {
    this.#model = model;
    this.nowMs = nowMs;
    this.#keyCount = model.values.count;
    this.#contentBytes = model.values.contentBytes;
    this.#settings = model.state.newest?.settings;
    this.#valueBytes = hasQuotaOfBytes(this.#settings) ? new Map() : undefined;
    this.#keyId = model.state.newest?.keyId ?? null;
    this.#nextSeq = model.lastSeq + 1;
    this.#redactionSeq = model.state.redaction?.seq ?? 0;
  }

  get keyCount(): number {
    return this.#keyCount;
  }

  get visibleCount(): number {
    const { values } = this.#model;
    if (values.expiringCount === 0 || this.#isCleared) return this.#keyCount;
    return this.#keyCount - (values.expiredCount(this.nowMs) - this.#removedExpired);
  }

  get contentBytes(): number {
    return this.#contentBytes;
  }

  get settings(): ProjectSettings | undefined {
    return this.#settings;
  }

  get keyId(): string | null {
    return this.#keyId;
  }

  versionOf(key: string): number {
    const version = this.#versions.get(key);
    if (version !== undefined) return version;
    if (this.#isCleared) return 0;
    const seq = this.#model.values.versionOf(key);
    return seq > 0 && this.#hasExpired(key) ? 0 : seq;
  }

  #hasExpired(key: string): boolean {
    const { values } = this.#model;
    if (values.expiringCount === 0) return false;
    if (!hasExpired(values.expiryOf(key), this.nowMs)) return false;
    this.#metExpired.add(key);
    return true;
  }

  expiryOf(key: string): number | null {
    const expiresAtMs = this.#expiries.get(key);
    if (expiresAtMs !== undefined) return expiresAtMs;
    if (this.#model.values.expiringCount === 0) return null;
    return this.#versions.has(key) || this.versionOf(key) === 0 ? null : this.#model.values.expiryOf(key);
  }

  expiredKeys(): readonly string[] {
    if (this.#isCleared) return [];
    return this.#model.values.expiredKeys(this.nowMs, EXPIRED_KEYS_MAX).filter((key) => !this.#versions.has(key));
  }

  /**
   * Returns expired keys to remove before a quota refuses a change. None the second time: what is left is the sweeper's, or a turn that
   * refuses much would take long.
   */
  takeExpiredForRoom(): readonly string[] {
    if (this.#hasMadeRoom) return [];
    this.#hasMadeRoom = true;
    return this.expiredKeys();
  }

  /** Returns the expired keys on which something was decided since the last call, and which no event of the batch removes yet. */
  takeMetExpired(): readonly string[] {
    if (this.#metExpired.size === 0) return [];
    const met = [...this.#metExpired];
    this.#metExpired = new Set();
    return met;
  }

  valueBytesOf(key: string): number {
    return this.#valueBytes?.get(key) ?? this.#model.values.valueBytesOf(key);
  }

  tagOf(key: string): number | undefined {
    return this.#versions.has(key) ? undefined : this.#model.values.tagOf(key);
  }

  countIn(range: KeyRange): { readonly all: number; readonly visible: number } {
    invariant(this.#versions.size === 0 && !this.#isCleared, 'keys of a range are counted before anything else of the batch is decided');
    const { values } = this.#model;
    const all = values.countIn(range);
    return { all, visible: values.expiringCount === 0 ? all : values.countIn(range, this.nowMs) };
  }

  get redactionSeq(): number {
    return this.#redactionSeq;
  }

  /** Seq of the last line, were the batch to end here. */
  get lastSeq(): number {
    return this.#nextSeq - 1;
  }

  #addChange(change: KeyChanged): void {
    const { op, key } = change;
    if (this.#valueBytes !== undefined) {
      this.#contentBytes += byteGrowth(this, change);
      if (setsValue(change)) this.#valueBytes.set(key, Buffer.byteLength(change.value));
    }
    const isRemoved = removesKey(change);
    if (isRemoved) this.#keyCount -= 1;
    else if (this.versionOf(key) === 0) this.#keyCount += 1;
    if (op === 'expire') this.#removedExpired += 1;
    this.#versions.set(key, isRemoved ? 0 : this.#nextSeq);
    const expiresAtMs = expiryAfter(change);
    if (expiresAtMs === null) this.#expiries.delete(key);
    else this.#expiries.set(key, expiresAtMs);
  }

  /** Adds the event of the last decision. */
  add(event: ProjectEvent): void {
    if (event.op === 'clear') {
      this.#versions.clear();
      this.#expiries.clear();
      this.#isCleared = true;
      this.#keyCount = 0;
      this.#contentBytes = 0;
    } else if ('settings' in event) {
      this.#settings = event.settings;
      this.#keyId = event.key_id;
      if (this.#valueBytes === undefined && hasQuotaOfBytes(event.settings)) this.#measure();
    }
    if (event.op === 'redact') this.#redactionSeq = this.#nextSeq;
    for (const change of keyChangesOf(event)) this.#addChange(change);
    this.#events.push(event);
    this.#nextSeq += 1;
  }

  /** Makes up for the sizes of what the batch has changed: it brought the quota itself. */
  #measure(): void {
    const measured = new BatchState(this.#model, this.nowMs);
    measured.#valueBytes = new Map();
    for (const event of this.#events) measured.add(event);
    this.#valueBytes = measured.#valueBytes;
    this.#contentBytes = measured.#contentBytes;
  }
}

function hasQuotaOfBytes(settings: ProjectSettings | undefined): boolean {
  return settings !== undefined && settings.quota.max_bytes !== null;
}
