/**
 * Describes API keys for clients.
 */
import type { Keyring } from '../../auth/keyring.js';
import { stateAt } from '../../auth/principal.js';
import { keyIdOf } from '../../auth/key-hash.js';
import type { Clock } from '../../base/clock.js';
import { isoTime } from '../../base/iso-time.js';
import { type ApiKeyEntry, entryIdOf, listedKeyOf, recordedTime } from '../../config/api-key-entries.js';
import type { AccessScope } from './access-scope.js';
import type { ApiKeyDetails } from './api-keys.js';

const MS_PER_MINUTE = 60_000;

/** What describing needs. */
interface DescribingParts {
  readonly keyring: Keyring;
  readonly clock: Clock;
}

/** Describes all keys of a scope: the primary one first. */
export function describeKeys(scope: AccessScope, parts: DescribingParts): readonly ApiKeyDetails[] {
  const primary = describePrimary(scope, parts);
  const listed = scope.entries.map((entry) => describeEntry(scope, entry, parts));
  return primary === undefined ? listed : [primary, ...listed];
}

function describePrimary({ primary: { apiKeyHash, sinceMs } }: AccessScope, parts: DescribingParts): ApiKeyDetails | undefined {
  if (apiKeyHash === null) return undefined;
  const id = keyIdOf(apiKeyHash);
  return {
    id, name: 'primary', permissions: ['all'], not_before: null, expires_at: null, created_at: sinceMs === null ? null : isoTime(sinceMs),
    last_used_at: lastUse(id, parts), state: 'active',
  };
}

/** Describes a listed key. */
export function describeEntry({ recorded }: AccessScope, entry: ApiKeyEntry, parts: DescribingParts): ApiKeyDetails {
  const id = entryIdOf(entry);
  const addedMs = recorded?.get(id)?.addedMs;
  return {
    id,
    name: entry.name,
    permissions: entry.permissions.toSorted(),
    not_before: recordedTime(entry.not_before),
    expires_at: recordedTime(entry.expires_at),
    created_at: addedMs === undefined ? null : isoTime(addedMs),
    last_used_at: lastUse(id, parts),
    state: stateAt(listedKeyOf(entry).window, parts.keyring.nowMs()),
  };
}

function lastUse(keyId: string, { keyring, clock }: DescribingParts): string | null {
  const lastMs = keyring.lastUseMs(keyId);
  if (lastMs === undefined) return null;
  const wallMs = clock.wallMs() - (clock.monotonicMs() - lastMs);
  return isoTime(Math.floor(wallMs / MS_PER_MINUTE) * MS_PER_MINUTE);
}
