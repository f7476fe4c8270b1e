/**
 * Entries of config.json. Every change of the file is durable when its call resolves.
 */
import { generateApiKey } from '../auth/api-key.js';
import { hashGenerated, keyIdOf } from '../auth/key-hash.js';
import type { StoredKey } from '../auth/keyring.js';
import { logFailure } from '../base/log-failure.js';
import type { Logger } from '../base/logger.js';
import { type ApiKeyEntry, entryIdOf } from '../config/api-key-entries.js';
import type { ConfigDocument, ProjectEntry } from '../config/config-document.js';
import type { ConfigFile } from '../config/config-file.js';
import { renderEntry } from '../config/effective-settings.js';
import type { ProjectSettings } from '../events/project-settings.js';
import type { ProjectStore } from '../store/project-store.js';
import type { ProjectResources } from './project-resources.js';

/** The API key in an entry. */
export interface EntryKey {
  /** The key in plain text; null unless the settings keep it. */
  readonly apiKey: string | null;
  readonly apiKeyHash: string | null;
}

/** No API key. */
export const NO_KEY: EntryKey = { apiKey: null, apiKeyHash: null };

/** A new API key. */
export interface MadeKey {
  /** Shown to its owner, once. */
  readonly key: string;
  /** The part that the entry keeps. */
  readonly entryKey: EntryKey & { readonly apiKeyHash: string };
}

/** The content of an entry. */
export interface EntryState {
  readonly id: string;
  readonly settings: ProjectSettings;
  /** Undefined for an entry that is ahead of the log; see `config/reconcile.ts`. */
  readonly revision: number | undefined;
  readonly key: EntryKey;
  /** The listed keys; undefined: those of the present entry stay, except removed ones. */
  readonly apiKeys?: readonly ApiKeyEntry[];
  /** Whether the log has removed a key, which may still be in the file if that could not be written. @default none was */
  readonly isRemoved?: (keyId: string) => boolean;
}

/** Generates an API key for a project. */
export function makeKey(settings: ProjectSettings): MadeKey {
  const key = generateApiKey('project');
  return { key, entryKey: { apiKey: settings.authentication.save_api_key_to_file ? key : null, apiKeyHash: hashGenerated(key) } };
}

/** Warns of a new key that could not be shown: it is in force, but only another key that replaces it can be used. */
export function reportUnshownKey(logger: Logger, project: string): void {
  const whatToDo = `POST /api/v1/projects/${project}/api-key/regenerate with the global API key: the answer has another one`;
  logger.warn({ project, what_to_do: whatToDo }, 'an API key was generated for a project that had none, and it was not shown');
}

/** The entry of a project, undefined if there is none. */
export function findEntry(document: ConfigDocument, id: string): ProjectEntry | undefined {
  return document.projects.find((entry) => entry.id === id);
}

/** The API key of an entry; both parts are null without one. */
export function keyOfEntry(entry: ProjectEntry | undefined): EntryKey {
  return { apiKey: entry?.authentication?.api_key ?? null, apiKeyHash: entry?.authentication?.api_key_hash ?? null };
}

/** The API key of an entry in the form of the keyring, null without one. */
export function storedKeyOf({ apiKey, apiKeyHash }: EntryKey): StoredKey | null {
  return apiKeyHash === null ? null : { hash: apiKeyHash, plain: apiKey };
}

/** The id of an API key, 16 hexadecimal digits; null without one. */
export function keyIdOrNull(key: EntryKey): string | null {
  return key.apiKeyHash === null ? null : keyIdOf(key.apiKeyHash);
}

/** Puts entries into a document, each in the place of the old one or at the end. */
export function withEntries(document: ConfigDocument, states: readonly EntryState[]): ConfigDocument {
  const projects = [...document.projects];
  for (const { id, settings, revision, key, apiKeys: given, isRemoved = () => false } of states) {
    const index = projects.findIndex((entry) => entry.id === id);
    const apiKeys = given ?? projects[index]?.authentication?.api_keys?.filter((entry) => !isRemoved(entryIdOf(entry)));
    // A key in plain text is removed if the settings do not keep it.
    const apiKey = settings.authentication.save_api_key_to_file ? key.apiKey : null;
    const entry = renderEntry(projects[index], { id, settings, revision, apiKey, apiKeyHash: key.apiKeyHash, apiKeys }, document);
    if (index < 0) projects.push(entry);
    else projects[index] = entry;
  }
  return { ...document, projects };
}

/**
 * Writes one entry.
 *
 * @throws {AppError} `config_write_failed`
 */
export async function writeEntry(config: ConfigFile, state: EntryState): Promise<void> {
  await config.update((document) => withEntries(document, [state]));
}

/**
 * Removes an entry, if there is one.
 *
 * @throws {AppError} `config_write_failed`
 */
export async function removeEntry(config: ConfigFile, id: string): Promise<void> {
  await config.update((document) => {
    const projects = document.projects.filter((entry) => entry.id !== id);
    return projects.length === document.projects.length ? document : { ...document, projects };
  });
}

/** The entry of a served project. */
export function entryStateOf(store: ProjectStore, key: EntryKey): EntryState {
  const { settings, revision, access } = store;
  const isRemoved = (keyId: string): boolean => access.removedSeq(keyId) !== undefined;
  return { id: store.id, settings, revision: settings.storage.on_disk ? revision : undefined, key, isRemoved };
}

/** Writes the revision into an entry. The rest of it is right already, so a failure costs nothing. */
export async function settleRevision(
  { config, logger }: Pick<ProjectResources, 'config' | 'logger'>, store: ProjectStore, key: EntryKey,
): Promise<void> {
  const message = 'the revision of a project could not be written into the configuration';
  await writeEntry(config, entryStateOf(store, key)).catch(logFailure(logger, 'warn', { project: store.id }, message));
}
