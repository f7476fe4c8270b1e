/**
 * Gives a project another API key: configuration file, log, keyring. Nothing else enters the log between the change and the moment at
 * which the old key stops working.
 */
import { keyIdOf } from '../../auth/key-hash.js';
import { isoTime } from '../../base/iso-time.js';
import { logFailure } from '../../base/log-failure.js';
import { type ApiKeyEntry, listedKeyOf } from '../../config/api-key-entries.js';
import type { ProjectSettings } from '../../events/project-settings.js';
import type { CommandContext } from '../../store/command.js';
import type { ProjectStore } from '../../store/project-store.js';
import { type AccessScope, accessScope } from '../access/access-scope.js';
import type { ApiKeyDetails } from '../access/api-keys.js';
import { recordOf, requireRoom } from '../access/change-keys.js';
import { describeEntry } from '../access/key-details.js';
import { findEntry, keyOfEntry, type MadeKey, makeKey, settleRevision, storedKeyOf, writeEntry } from '../project-entries.js';
import type { ProjectServices } from '../project-resources.js';

const UNRECORDED = 'the previous API key goes on, but that could not be recorded; the next startup retries';

/** A replaced primary key. */
interface ReplacedKey {
  readonly key: string;
  /** The listed keys of the project, which go on. */
  readonly others: readonly ApiKeyDetails[];
}

/**
 * Replaces the primary API key of a project.
 *
 * @param overlapMs how long the old key goes on, as a listed key; 0: it no longer works when this resolves
 * @throws {AppError} see the contract in `projects.ts`
 */
export async function replaceKey(
  services: ProjectServices, { id, overlapMs }: { readonly id: string; readonly overlapMs: number }, context: CommandContext,
): Promise<ReplacedKey> {
  services.registry.requireSound();
  const store = services.table.store(id);
  const scope = accessScope(services, { kind: 'project', project: id });
  const made = makeKey(store.settings);
  const previous = overlapMs === 0 ? undefined : previousEntry(services, scope, { made, overlapMs });
  const command = { type: 'project.key', keyId: keyIdOf(made.entryKey.apiKeyHash) } as const;
  const wanted = { made, settings: store.settings, ...(previous && { apiKeys: [...scope.entries, previous] }) };
  await putKeyIntoForce(services, store, wanted, (onApplied) => store.submitAlone(command, context, onApplied));
  if (previous !== undefined) {
    const event = { op: 'access.add', ...recordOf(previous) } as const;
    await scope.record(event, context).catch(logFailure(services.logger, 'warn', { project: id }, UNRECORDED));
    await settleRevision(services, store, made.entryKey);
  }
  const others = scope.entries.map((entry) => describeEntry(scope, entry, services));
  return { key: made.key, others };
}

/** The old primary key as an entry of the list; undefined if there is none. */
function previousEntry(
  services: ProjectServices, scope: AccessScope, { made, overlapMs }: { readonly made: MadeKey; readonly overlapMs: number },
): ApiKeyEntry | undefined {
  const { apiKeyHash } = scope.primary;
  if (apiKeyHash === null) return undefined;
  requireRoom(services, scope);
  return {
    name: 'previous', permissions: ['all'], not_before: null, expires_at: isoTime(services.keyring.nowMs() + overlapMs), api_key: null,
    api_key_hash: apiKeyHash, replaced_by: keyIdOf(made.entryKey.apiKeyHash),
  };
}

/**
 * Writes the entry with the new key, submits the change, and switches the keyring. If the log refuses, the entry gets the old key back.
 *
 * @param wanted the new key, and the settings that the entry gets with it; the listed keys if they change too
 * @param submit submits the change and calls its argument once the change is in force, before any queued command is decided
 */
export async function putKeyIntoForce(
  services: ProjectServices,
  store: ProjectStore,
  wanted: { readonly made: MadeKey; readonly settings: ProjectSettings; readonly apiKeys?: readonly ApiKeyEntry[] },
  submit: (onApplied: () => void) => Promise<unknown>,
): Promise<void> {
  const { config, keyring, logger } = services;
  const { id, settings: before } = store;
  const entry = findEntry(config.document, id);
  const previousKey = keyOfEntry(entry);
  const revision = entry?.revision;
  const { made: { entryKey }, settings, apiKeys } = wanted;
  await writeEntry(config, { id, settings, revision, key: entryKey, ...(apiKeys && { apiKeys }) });
  let isInForce = false;
  try {
    await submit(() => {
      const scope = { kind: 'project', project: id } as const;
      keyring.setKey(scope, storedKeyOf(entryKey));
      if (apiKeys !== undefined) keyring.setListed(scope, apiKeys.map(listedKeyOf));
      isInForce = true;
    });
  } catch (error) {
    // A later step failed: the entry must keep naming the key that the log names.
    if (isInForce) throw error;
    const message = 'the configuration names an API key that was never shown; regenerate the API key of the project';
    const previousList = apiKeys && { apiKeys: entry?.authentication?.api_keys ?? [] };
    await writeEntry(config, { id, settings: before, revision, key: previousKey, ...previousList })
      .catch(logFailure(logger, 'error', { project: id }, message));
    throw error;
  }
  await settleRevision(services, store, entryKey);
}
