/**
 * Replaces the typed API keys of a configuration by their hashes, and generates the missing keys. Returns a new document; writes
 * nothing.
 */
import { generateApiKey } from '../auth/api-key.js';
import { hashApiKey, hashGenerated, parseKeyHash } from '../auth/key-hash.js';
import type { KeyScope } from '../auth/keyring.js';
import { randomSalt } from '../base/random-id.js';
import { type AuthenticationSettings, BUILT_IN_AUTHENTICATION } from '../events/project-settings.js';
import { type ApiKeyEntry, recordedTime } from './api-key-entries.js';
import { keysIn } from './check-config.js';
import type { AuthenticationEntry, ConfigDocument, ProjectEntry } from './config-document.js';
import { ConfigError } from './config-error.js';

/** A generated key, to be shown once. */
interface GeneratedKey {
  readonly scope: KeyScope;
  readonly key: string;
}

/** A typed key that is stored with scrypt. */
export interface TypedKey {
  readonly scope: KeyScope;
  readonly key: string;
  /** The stored hash. */
  readonly hash: string;
  /** True for one in the list of the scope, false for its primary key. */
  readonly isListed: boolean;
}

/** The result of {@link adoptKeys}. */
interface AdoptedKeys {
  readonly document: ConfigDocument;
  /** The global key first, then the keys of the projects in their order. */
  readonly generated: readonly GeneratedKey[];
  /** The typed keys that the document had in plain text: they are known without a derivation. */
  readonly typed: readonly TypedKey[];
  /** False: the document is the argument and need not be written. */
  readonly changed: boolean;
}

interface AdoptedEntry {
  readonly entry: Partial<AuthenticationEntry> | undefined;
  readonly generated: string | null;
  /** The typed keys that are stored with scrypt. */
  readonly typed: readonly Omit<TypedKey, 'scope'>[];
}

/**
 * Adopts the API keys of a document.
 *
 * - For a typed key the hash is computed, and the key itself is removed unless `save_api_key_to_file` is on. If the key matches the
 *   present hash, the hash stays, so the id of the key does not change.
 * - If authentication is on without a key and a hash, a key is generated.
 *
 * @param global the authentication of the global routes in force; the document keeps its own. @default that of the document
 * @throws {ConfigError} when two scopes have the same key, so that the key of one would open the other
 */
export async function adoptKeys(document: ConfigDocument, global?: AuthenticationSettings): Promise<AdoptedKeys> {
  const salt = saltOf(document);
  const generated: GeneratedKey[] = [];
  const typed: TypedKey[] = [];
  const note = (scope: KeyScope, entry: AdoptedEntry): void => {
    if (entry.generated !== null) generated.push({ scope, key: entry.generated });
    typed.push(...entry.typed.map((key) => ({ scope, ...key })));
  };
  const adoptedGlobal = await adoptGlobal(document.default?.authentication, global, salt);
  note({ kind: 'global' }, adoptedGlobal);
  const projects: ProjectEntry[] = [];
  // One after another: a derivation takes 32 MiB and about 0.3 s of a core.
  for (const project of document.projects) {
    const adopted = await adoptEntry(project.authentication, 'project', salt);
    note({ kind: 'project', project: project.id }, adopted);
    projects.push(adopted.entry === project.authentication ? project : { ...project, ...withAuthentication(adopted.entry) });
  }
  const isSame = adoptedGlobal.entry === document.default?.authentication
    && projects.every((project, index) => project === document.projects[index]);
  const next = isSame ? document : { ...document, default: { ...document.default, ...withAuthentication(adoptedGlobal.entry) }, projects };
  checkKeysDiffer(document, next);
  return { document: next, generated, typed, changed: !isSame };
}

function withAuthentication(entry: Partial<AuthenticationEntry> | undefined): { readonly authentication?: Partial<AuthenticationEntry> } {
  return entry === undefined ? {} : { authentication: entry };
}

/** The salt of the typed keys of the document, or a new one. */
function saltOf(document: ConfigDocument): string {
  for (const { entry } of keysIn(document)) {
    const parsed = parseKeyHash(entry.api_key_hash ?? '');
    if (parsed?.scheme === 'scrypt') return parsed.salt;
  }
  return randomSalt();
}

/** Returns an entry with the settings of `given`, whichever are in force. */
async function adoptGlobal(
  given: Partial<AuthenticationEntry> | undefined, inForce: AuthenticationSettings | undefined, salt: string,
): Promise<AdoptedEntry> {
  const entry = inForce === undefined ? given : { ...given, ...inForce };
  const adopted = await adoptEntry(entry, 'global', salt);
  if (adopted.entry === entry) return { ...adopted, entry: given };
  const { enabled, save_api_key_to_file } = { ...BUILT_IN_AUTHENTICATION, ...given };
  return { ...adopted, entry: { ...adopted.entry, enabled, save_api_key_to_file } };
}

/** Returns `given` itself if nothing changes. */
async function adoptEntry(
  given: Partial<AuthenticationEntry> | undefined,
  kind: 'global' | 'project',
  salt: string,
): Promise<AdoptedEntry> {
  const primary = await adoptPrimary(given, kind, salt);
  const before = given?.api_keys;
  if (before === undefined) return primary;
  const listed = [];
  for (const entry of before) listed.push(await adoptListed(entry, salt));
  const typed = [...primary.typed, ...listed.flatMap((one) => one.typed)];
  if (listed.every(({ entry }, index) => entry === before[index])) return { ...primary, typed };
  return { ...primary, entry: { ...primary.entry, api_keys: listed.map(({ entry }) => entry) }, typed };
}

async function adoptPrimary(
  given: Partial<AuthenticationEntry> | undefined, kind: 'global' | 'project', salt: string,
): Promise<AdoptedEntry> {
  const entry: AuthenticationEntry = { ...BUILT_IN_AUTHENTICATION, api_key: null, api_key_hash: null, ...given };
  const { enabled, save_api_key_to_file: isSaved, api_key: typed, api_key_hash: hash } = entry;
  if (typed !== null) {
    const newHash = await hashApiKey(typed, salt);
    const adopted: AuthenticationEntry = { ...entry, api_key: isSaved ? typed : null, api_key_hash: newHash };
    const isSame = adopted.api_key === typed && newHash === hash;
    return { entry: isSame ? given : adopted, generated: null, typed: chosenKey(typed, newHash, false) };
  }
  if (hash !== null || !enabled) return { entry: given, generated: null, typed: [] };
  const key = generateApiKey(kind);
  return { entry: { ...entry, api_key: isSaved ? key : null, api_key_hash: hashGenerated(key) }, generated: key, typed: [] };
}

/** The hash replaces the key in any case: keeping it in plain text is for the primary key. Times are written as the log has them. */
async function adoptListed(
  given: ApiKeyEntry, salt: string,
): Promise<{ readonly entry: ApiKeyEntry; readonly typed: AdoptedEntry['typed'] }> {
  const { api_key: typed = null } = given;
  const times = { not_before: recordedTime(given.not_before), expires_at: recordedTime(given.expires_at) };
  const isCanonical = times.not_before === (given.not_before ?? null) && times.expires_at === (given.expires_at ?? null);
  if (typed === null) return { entry: isCanonical ? given : { ...given, ...times }, typed: [] };
  const hash = await hashApiKey(typed, salt);
  return { entry: { ...given, ...times, api_key: null, api_key_hash: hash }, typed: chosenKey(typed, hash, true) };
}

function chosenKey(key: string, hash: string, isListed: boolean): AdoptedEntry['typed'] {
  return parseKeyHash(hash)?.scheme === 'scrypt' ? [{ key, hash, isListed }] : [];
}

/**
 * A typed key has two possible hashes: scrypt with the salt, and a plain SHA-256 that a user computed. If the key is known, both are
 * compared.
 */
function checkKeysDiffer(given: ConfigDocument, adopted: ConfigDocument): void {
  const typed = keysIn(given).map(({ entry }) => entry.api_key);
  const pointers = new Map<string, string>();
  for (const [index, { pointer, entry }] of keysIn(adopted).entries()) {
    const key = typed[index] ?? null;
    const hashes = new Set([entry.api_key_hash, key === null ? null : hashGenerated(key)]);
    for (const hash of hashes) {
      if (hash === null) continue;
      const other = pointers.get(hash);
      if (other !== undefined) {
        throw new ConfigError({ pointer, expected: `has the same API key as ${other}: give each its own`, kind: 'stated' });
      }
      pointers.set(hash, pointer);
    }
  }
}
