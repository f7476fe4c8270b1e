/**
 * Changes the settings of a project, and with them whether it lives in memory or on disk. An update is one event. Everything that can be
 * checked is checked before it, so that a refusal changes nothing.
 */
import { keyIdOf } from '../../auth/key-hash.js';
import { logFailure } from '../../base/log-failure.js';
import { effectiveSettings } from '../../config/effective-settings.js';
import { diffSettings, mergeSettings, type ProjectSettings, type ProjectSettingsChange } from '../../events/project-settings.js';
import type { CommandContext, UpdateProjectCommand } from '../../store/command.js';
import type { ProjectStore } from '../../store/project-store.js';
import { describeStore } from '../project-details.js';
import {
  type EntryKey, entryStateOf, findEntry, keyOfEntry, type MadeKey, makeKey, settleRevision, storedKeyOf, writeEntry,
} from '../project-entries.js';
import type { ProjectServices } from '../project-resources.js';
import type { ProjectWithKey } from '../projects.js';
import { asApplied, withLostKey } from './failed-change.js';
import { moveToDisk, requireFreeName, requireSpaceFor } from './move-to-disk.js';
import { moveToMemory, refuseWhileErasing, requireMovableFiles } from './move-to-memory.js';
import { putKeyIntoForce } from './replace-key.js';

interface Update {
  /** The settings after the update. */
  readonly settings: ProjectSettings;
  /** The key in the entry. */
  readonly key: EntryKey;
  /** A new key, if authentication is switched on and there was none. */
  readonly made: MadeKey | undefined;
  readonly command: UpdateProjectCommand;
  readonly context: CommandContext;
}

/**
 * Changes a project's settings, and moves it between memory and disk if they say so.
 *
 * @throws {AppError} see the contract in `projects.ts`
 */
export async function updateProject(
  services: ProjectServices, store: ProjectStore, change: ProjectSettingsChange, context: CommandContext,
): Promise<ProjectWithKey> {
  const settings = mergeSettings(store.settings, change);
  const key = keyOfEntry(findEntry(services.config.document, store.id));
  const isChanged = diffSettings(store.settings, settings).names.length > 0;
  const made = isChanged && settings.authentication.enabled && key.apiKeyHash === null ? makeKey(settings) : undefined;
  const keyId = made === undefined ? {} : { keyId: keyIdOf(made.entryKey.apiKeyHash) };
  const update: Update = { settings, key, made, command: { type: 'project.update', change, ...keyId }, context };
  try {
    // The project may still be on disk although the log says that it leaves: an earlier attempt failed half-way.
    if (settings.storage.on_disk === store.isOnDisk) await updateInPlace(services, store, update);
    else if (settings.storage.on_disk) await enterDisk(services, store, update);
    else await leaveDisk(services, store, update);
  } catch (error) {
    // The error replaces the answer that would have shown the key.
    const isKeyInForce = made !== undefined && store.version.keyId === keyIdOf(made.entryKey.apiKeyHash);
    throw isKeyInForce ? withLostKey(error, store.id) : error;
  }
  return { details: describeStore(store), apiKey: made?.key ?? null };
}

async function updateInPlace(services: ProjectServices, store: ProjectStore, update: Update): Promise<void> {
  const { settings, key, made, command, context } = update;
  if (diffSettings(store.settings, settings).names.length === 0) {
    // A repeated request, after the file could not be written: it is written now.
    if (!isEntryCurrent(services, store)) await writeAppliedEntry(services, store, key);
    return;
  }
  const submit = (onApplied?: () => void): Promise<unknown> => store.submitAlone(command, context, onApplied);
  if (made !== undefined) await putKeyIntoForce(services, store, { made, settings }, submit);
  else await submit();
  services.maintenance.applyStorage(store);
  if (made === undefined) await writeAppliedEntry(services, store, key);
}

/** Writes the entry first and without a revision, like that of a new project: see `move-to-disk.ts`. */
async function enterDisk(services: ProjectServices, store: ProjectStore, { settings, key, made, command, context }: Update): Promise<void> {
  const { config, diskHome, keyring, space, registry, maintenance, logger } = services;
  const { id, settings: before } = store;
  registry.requireWritable();
  await requireFreeName(diskHome, maintenance.unmoved, id);
  await requireSpaceFor(space, store);
  const entryKey = made?.entryKey ?? key;
  const onApplied = (): void => {
    if (made !== undefined) keyring.setKey({ kind: 'project', project: id }, storedKeyOf(made.entryKey));
  };
  await writeEntry(config, { id, settings, revision: undefined, key: entryKey });
  try {
    const { log, base } = await moveToDisk(services, store, { command: { ...command, change: settings }, context, onApplied });
    maintenance.keep({ store, log, generations: [base] });
  } catch (error) {
    // The project stays in memory, and an entry that says otherwise would start an empty one on disk at the next startup.
    const message = 'the configuration says on_disk for a project that is in memory; correct the entry';
    await writeEntry(config, { id, settings: before, revision: undefined, key })
      .catch(logFailure(logger, 'error', { project: id }, message));
    throw error;
  }
  maintenance.applyStorage(store);
  await settleRevision(services, store, entryKey);
}

async function leaveDisk(services: ProjectServices, store: ProjectStore, { settings, key, made, command, context }: Update): Promise<void> {
  const { diskHome, registry, maintenance } = services;
  registry.requireWritable();
  await requireMovableFiles(diskHome, store.id);
  refuseWhileErasing(store.id, maintenance.compactor.isErasing(store.id));
  const resume = await maintenance.release(store.id);
  try {
    store.setCaching(true);
    await store.reads.loadAll();
    const submit = (onApplied?: () => void): Promise<void> => (
      moveToMemory(services, store, { command: { ...command, change: settings }, context, onApplied })
    );
    if (made === undefined) await submit();
    else await putKeyIntoForce(services, store, { made, settings }, submit);
  } catch (error) {
    // Nothing works on the files of a project that accepts no more writes until the next startup.
    if (store.logState !== 'closed') {
      resume();
      maintenance.applyStorage(store);
    }
    throw error;
  }
  await writeAppliedEntry(services, store, made?.entryKey ?? key);
}

function isEntryCurrent({ config: { document } }: ProjectServices, store: ProjectStore): boolean {
  const entry = findEntry(document, store.id);
  const { settings, revision } = entryStateOf(store, keyOfEntry(entry));
  return entry?.revision === revision && diffSettings(effectiveSettings(entry ?? {}, document), settings).names.length === 0;
}

/** The log has the change, and the next startup takes it from there. So a failure to write the file says that the change is in force. */
async function writeAppliedEntry({ config }: ProjectServices, store: ProjectStore, key: EntryKey): Promise<void> {
  try {
    await writeEntry(config, entryStateOf(store, key));
  } catch (error) {
    throw asApplied(error, `Cannot write the entry of the project "${store.id}"`);
  }
}
