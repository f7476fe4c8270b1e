/**
 * The quotas of a project: how many keys there may be, and how many bytes of keys and values. A change that makes a project larger than
 * its quota is refused; what does not grow passes, even if a quota was lowered below what is there.
 */
import { AppError } from '../base/app-error.js';
import { type KeyChanged, keyChangesOf, type ProjectEvent, removesKey, setsValue } from '../events/event.js';
import type { QuotaSettings } from '../events/project-settings.js';

/** The quotas that limit the rate of requests. */
export type RateQuota = Pick<QuotaSettings, 'reads_per_second' | 'writes_per_second'>;

/** Returns the rates of requests that settings allow; undefined if they limit none. */
export function ratesIn(settings: { readonly quota: QuotaSettings } | undefined): RateQuota | undefined {
  if (settings === undefined) return undefined;
  const { quota } = settings;
  return quota.reads_per_second === null && quota.writes_per_second === null ? undefined : quota;
}

/** The contents of a project at a moment. */
interface Contents {
  readonly settings: { readonly quota: QuotaSettings } | undefined;
  readonly keyCount: number;
  /** Size of all keys and values in bytes. */
  readonly contentBytes: number;
  versionOf(key: string): number;
  valueBytesOf(key: string): number;
}

/** Returns the refusal of an event that makes a project grow beyond a quota; undefined if there is none. */
export function refuseOverQuota(contents: Contents, event: ProjectEvent): AppError | undefined {
  if (contents.settings === undefined) return undefined;
  const { max_keys: keysMax, max_bytes: bytesMax } = contents.settings.quota;
  if (keysMax === null && bytesMax === null) return undefined;
  const changes = keyChangesOf(event);
  const keys = keysMax === null ? 0 : sumOf(changes, (change) => keyGrowth(contents, change));
  if (keysMax !== null && keys > 0 && contents.keyCount + keys > keysMax) {
    return overQuota('max_keys', keysMax, contents.keyCount + keys);
  }
  const bytes = bytesMax === null ? 0 : sumOf(changes, (change) => byteGrowth(contents, change));
  if (bytesMax === null || bytes <= 0 || contents.contentBytes + bytes <= bytesMax) return undefined;
  return overQuota('max_bytes', bytesMax, contents.contentBytes + bytes);
}

/** A sum over the changes of one event, of which each has another key. */
function sumOf(changes: readonly KeyChanged[], growth: (change: KeyChanged) => number): number {
  return changes.reduce((sum, change) => sum + growth(change), 0);
}

function keyGrowth(contents: Contents, change: KeyChanged): number {
  const isThere = contents.versionOf(change.key) > 0;
  if (removesKey(change)) return isThere ? -1 : 0;
  return isThere ? 0 : 1;
}

/** By how many bytes a change makes the contents larger; negative if it makes them smaller. */
export function byteGrowth(contents: Pick<Contents, 'versionOf' | 'valueBytesOf'>, change: KeyChanged): number {
  const keyBytes = Buffer.byteLength(change.key);
  // A key that has expired is in the contents until the event that removes it.
  const isThere = change.op === 'expire' || contents.versionOf(change.key) > 0;
  const before = isThere ? keyBytes + contents.valueBytesOf(change.key) : 0;
  if (setsValue(change)) return keyBytes + Buffer.byteLength(change.value) - before;
  return removesKey(change) ? -before : 0;
}

function overQuota(quota: 'max_keys' | 'max_bytes', limit: number, actual: number): AppError {
  const unit = quota === 'max_keys' ? 'keys' : 'bytes';
  const message = `Cannot take the change: the project would have ${actual} ${unit}, and its quota is ${limit}; delete keys, or raise it`;
  return new AppError('quota_exceeded', message, { facts: { quota, limit, actual } });
}
