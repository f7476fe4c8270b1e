/**
 * The entries of config.json as changes of projects write them. Every change is durable when its call resolves.
 */
import { hashGenerated, keyIdOf } from '../auth/key-hash.js';
import { generateApiKey } from '../auth/api-key.js';
import type { StoredKey } from '../auth/keyring.js';
import type { ConfigDocument, ProjectEntry } from '../config/config-document.js';
import type { ConfigFile } from '../config/config-file.js';
import { renderEntry } from '../config/effective-settings.js';
import { logFailure } from '../base/log-failure.js';
import type { Logger } from '../base/logger.js';
import type { ProjectSettings } from '../events/project-settings.js';
import type { ProjectStore } from '../store/project-store.js';

/** A key as an entry keeps it. */
export interface EntryKey {
  /** In plain text; null unless it is kept. */
  readonly apiKey: string | null;
  readonly apiKeyHash: string | null;
}

/** A key that was made. */
export interface MadeKey {
  /** Shown to its owner, once. */
  readonly key: string;
  /** What the entry keeps of it. */
  readonly entryKey: EntryKey & { readonly apiKeyHash: string };
}

/** The new content of an entry. */
export interface EntryState {
  readonly id: string;
  readonly settings: ProjectSettings;
  /** Absent in an entry that is ahead of the log; see `config/reconcile.ts`. */
  readonly revision: number | undefined;
  readonly key: EntryKey;
}

/** Makes a project's key. */
export function makeKey(settings: ProjectSettings): MadeKey {
  const key = generateApiKey('project');
  return { key, entryKey: { apiKey: settings.authentication.save_api_key_to_file ? key : null, apiKeyHash: hashGenerated(key) } };
}

/**
 * Looks an entry up.
 *
 * @returns its entry, undefined when there is none
 */
export function findEntry(document: ConfigDocument, id: string): ProjectEntry | undefined {
  return document.projects.find((entry) => entry.id === id);
}

/**
 * The key of an entry.
 *
 * @param entry the entry; undefined for a project without one
 * @returns the key, both parts null where there is none
 */
export function keyOfEntry(entry: ProjectEntry | undefined): EntryKey {
  return { apiKey: entry?.authentication?.api_key ?? null, apiKeyHash: entry?.authentication?.api_key_hash ?? null };
}

/**
 * The key of an entry as the keyring holds it.
 *
 * @returns hash and text, null where there is no key
 */
export function storedKeyOf({ apiKey, apiKeyHash }: EntryKey): StoredKey | null {
  return apiKeyHash === null ? null : { hash: apiKeyHash, plain: apiKey };
}

/**
 * Names the key of an entry.
 *
 * @returns 16 hexadecimal digits, null where there is no key
 */
export function keyIdOrNull(key: EntryKey): string | null {
  return key.apiKeyHash === null ? null : keyIdOf(key.apiKeyHash);
}

/** Puts entries into a document, each in its place or at the end. */
export function withEntries(document: ConfigDocument, states: readonly EntryState[]): ConfigDocument {
  const projects = [...document.projects];
  for (const { id, settings, revision, key } of states) {
    const index = projects.findIndex((entry) => entry.id === id);
    // A key that the settings do not allow in plain text does not stay there.
    const apiKey = settings.authentication.save_api_key_to_file ? key.apiKey : null;
    const entry = renderEntry(projects[index], { id, settings, revision, apiKey, apiKeyHash: key.apiKeyHash }, document);
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
 * Removes an entry; no error when there is none.
 *
 * @throws {AppError} `config_write_failed`
 */
export async function removeEntry(config: ConfigFile, id: string): Promise<void> {
  await config.update((document) => {
    const projects = document.projects.filter((entry) => entry.id !== id);
    return projects.length === document.projects.length ? document : { ...document, projects };
  });
}

/** What an entry says of a project that is served. */
export function entryOf(store: ProjectStore, key: EntryKey): EntryState {
  const { settings, seq } = store.version;
  return { id: store.id, settings, revision: settings.storage.on_disk ? seq : undefined, key };
}

/** Lets an entry say which revision it reflects. What it says otherwise is right already, so a failure costs nothing. */
export async function settleRevision(
  resources: { readonly config: ConfigFile; readonly logger: Logger }, store: ProjectStore, key: EntryKey,
): Promise<void> {
  const message = 'the revision of a project could not be written into the configuration';
  await writeEntry(resources.config, entryOf(store, key)).catch(logFailure(resources.logger, 'warn', { project: store.id }, message));
}
