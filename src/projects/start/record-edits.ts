/**
 * Brings the entry of a project into its log and an edit into the registry: after an edit by hand, after a crash in the middle of a
 * change, and for an API key that an older copy of the file does not have.
 */
import { keyIdOf } from '../../auth/key-hash.js';
import { AppError } from '../../base/app-error.js';
import { logFailure } from '../../base/log-failure.js';
import type { Outcome } from '../../config/reconcile.js';
import { diffSettings } from '../../events/project-settings.js';
import type { ProjectStore } from '../../store/project-store.js';
import { type EntryKey, keyIdOrNull, makeKey, reportUnshownKey, storedKeyOf } from '../project-entries.js';
import type { Startup } from './start-project.js';

/** Logged when an edit is in force. */
export const EDIT_APPLIED = 'the configuration was edited; the edit takes effect';
const ADOPTED_KEY_APPLIED = 'the API key of an adopted project takes effect';

/** The outcomes of a project that is served. */
export type ServedOutcome = Extract<Outcome, { kind: 'done' | 'roll_forward' | 'edited' }>;

/** The parts of a startup that edits use. */
type Editing = Pick<Startup, 'services' | 'context' | 'adopted'>;

/**
 * Writes the entry into the log. If the disk is full, the log's settings stay in force, and the next startup retries; but a project whose
 * authentication was switched is not served the old way.
 *
 * @returns false if the log's settings stay in force: the entry must then stay as it is
 * @throws {AppError} the reason why the log does not accept it
 */
export async function recordEdits(editing: Editing, store: ProjectStore, outcome: ServedOutcome, key: EntryKey): Promise<boolean> {
  const { services: { logger } } = editing;
  const { id } = store;
  try {
    if (outcome.kind === 'edited') await recordEdit(editing, store, outcome, key);
    if (outcome.kind === 'roll_forward') {
      logger.warn({ project: id }, 'the entry of the configuration was older than the log; it is updated from the log');
      if (outcome.keyId !== undefined) await recordKey(editing, store, outcome.keyId);
    }
    return true;
  } catch (error) {
    const isDiskFull = error instanceof AppError && error.code === 'disk_full';
    if (!isDiskFull || (outcome.kind === 'edited' && outcome.names.includes('authentication.enabled'))) throw error;
    const message = 'an edit of the configuration could not be recorded because the disk is full; the next startup retries';
    logger.warn({ project: id, err: error }, message);
    return false;
  }
}

async function recordEdit(
  editing: Editing, store: ProjectStore, outcome: Extract<Outcome, { kind: 'edited' }>, key: EntryKey,
): Promise<void> {
  const { services: { logger }, context, adopted } = editing;
  const keyId = keyIdOrNull(key);
  const changed = [...outcome.names, ...(outcome.keyChanged ? ['authentication.api_key'] : [])];
  const { change } = diffSettings(store.settings, outcome.settings);
  const update = { type: 'project.update', change, keyId: outcome.keyChanged ? keyId : store.version.keyId } as const;
  if (outcome.names.length === 0) await recordKey(editing, store, keyId);
  else await store.submit(update, context);
  logger.info({ project: store.id, changed }, adopted.includes(store.id) ? ADOPTED_KEY_APPLIED : EDIT_APPLIED);
  await recordInRegistry(editing, store.id, changed, keyId);
}

async function recordKey({ context }: Editing, store: ProjectStore, keyId: string | null): Promise<void> {
  await store.submit({ type: 'project.key', keyId }, context);
}

/** Generates a key if the log requires one but the configuration has none, because an older copy of it was restored. */
export async function makeMissingKey(editing: Editing, store: ProjectStore): Promise<EntryKey> {
  const { announceKey, keyring, logger } = editing.services;
  const { key, entryKey } = makeKey(store.settings);
  if (!announceKey(store.id, key)) reportUnshownKey(logger, store.id);
  keyring.setKey({ kind: 'project', project: store.id }, storedKeyOf(entryKey));
  await recordKey(editing, store, keyIdOf(entryKey.apiKeyHash));
  return entryKey;
}

/** Records a change of the global key in the registry. */
export async function recordDefaultKey(editing: Editing): Promise<void> {
  const { config, registry } = editing.services;
  const hash = config.document.default?.authentication?.api_key_hash ?? null;
  const keyId = hash === null ? null : keyIdOf(hash);
  if (keyId === registry.registrations.defaultKeyId) return;
  await recordInRegistry(editing, 'default', ['authentication.api_key'], keyId);
}

/** Records an edit of a scope. For audit only: neither a full disk nor a damaged registry prevents a project from being served. */
export async function recordInRegistry(
  { services: { registry, logger }, context }: Editing, scope: string, changed: readonly string[], keyId: string | null,
): Promise<void> {
  if (registry.isCorrupt) return;
  await registry.record({ op: 'config.edited', scope, changed, key_id: keyId }, context)
    .catch(logFailure(logger, 'warn', { scope }, 'an edit of the configuration could not be recorded in the registry'));
}
