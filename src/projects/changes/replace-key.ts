/**
 * Gives a project another API key: configuration file, log, keyring. Nothing else enters the log between the change and the moment at
 * which the old key stops working.
 */
import { keyIdOf } from '../../auth/key-hash.js';
import { logFailure } from '../../base/log-failure.js';
import type { ProjectSettings } from '../../events/project-settings.js';
import type { CommandContext } from '../../store/command.js';
import type { ProjectStore } from '../../store/project-store.js';
import { findEntry, keyOfEntry, type MadeKey, makeKey, settleRevision, storedKeyOf, writeEntry } from '../project-entries.js';
import type { ProjectServices } from '../project-resources.js';

/**
 * Replaces the API key of a project.
 *
 * @param id a valid project id
 * @returns the new key; the old one no longer works
 * @throws {AppError} see the contract in `projects.ts`
 */
export async function replaceKey(services: ProjectServices, id: string, context: CommandContext): Promise<string> {
  services.registry.requireSound();
  const store = services.table.store(id);
  const made = makeKey(store.settings);
  const command = { type: 'project.key', keyId: keyIdOf(made.entryKey.apiKeyHash) } as const;
  await putKeyIntoForce(services, store, { made, settings: store.settings }, (onApplied) => store.submitAlone(command, context, onApplied));
  return made.key;
}

/**
 * Writes the entry with the new key, submits the change, and switches the keyring. If the log refuses, the entry gets the old key back.
 *
 * @param wanted the new key, and the settings that the entry gets with it
 * @param submit submits the change and calls its argument once the change is in force, before any queued command is decided
 */
export async function putKeyIntoForce(
  services: ProjectServices,
  store: ProjectStore,
  wanted: { readonly made: MadeKey; readonly settings: ProjectSettings },
  submit: (onApplied: () => void) => Promise<unknown>,
): Promise<void> {
  const { config, keyring, logger } = services;
  const { id, settings: before } = store;
  const entry = findEntry(config.document, id);
  const previousKey = keyOfEntry(entry);
  const revision = entry?.revision;
  const { entryKey } = wanted.made;
  await writeEntry(config, { id, settings: wanted.settings, revision, key: entryKey });
  let isInForce = false;
  try {
    await submit(() => {
      keyring.setKey({ kind: 'project', project: id }, storedKeyOf(entryKey));
      isInForce = true;
    });
  } catch (error) {
    // A later step failed: the entry must keep naming the key that the log names.
    if (isInForce) throw error;
    const message = 'the configuration names an API key that was never shown; regenerate the API key of the project';
    await writeEntry(config, { id, settings: before, revision, key: previousKey })
      .catch(logFailure(logger, 'error', { project: id }, message));
    throw error;
  }
  await settleRevision(services, store, entryKey);
}
