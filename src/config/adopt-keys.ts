/**
 * Replaces the typed API keys of a configuration by their hashes, and generates the missing keys. Returns a new document; writes
 * nothing.
 */
import { generateApiKey } from '../auth/api-key.js';
import { hashApiKey, hashGenerated, parseKeyHash } from '../auth/key-hash.js';
import type { KeyScope } from '../auth/keyring.js';
import { randomSalt } from '../base/random-id.js';
import { BUILT_IN_AUTHENTICATION } from '../events/project-settings.js';
import { authenticationsIn } from './check-config.js';
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
  /** A typed key that is stored with scrypt. */
  readonly typed: Omit<TypedKey, 'scope'> | null;
}

/**
 * Adopts the API keys of a document.
 *
 * - For a typed key the hash is computed, and the key itself is removed unless `save_api_key_to_file` is on. If the key matches the
 *   present hash, the hash stays, so the id of the key does not change.
 * - If authentication is on without a key and a hash, a key is generated.
 *
 * @throws {ConfigError} when two scopes have the same key, so that the key of one would open the other
 */
export async function adoptKeys(document: ConfigDocument): Promise<AdoptedKeys> {
  const salt = saltOf(document);
  const generated: GeneratedKey[] = [];
  const typed: TypedKey[] = [];
  const note = (scope: KeyScope, entry: AdoptedEntry): void => {
    if (entry.generated !== null) generated.push({ scope, key: entry.generated });
    if (entry.typed !== null) typed.push({ scope, ...entry.typed });
  };
  const global = await adoptEntry(document.default?.authentication, 'global', salt);
  note({ kind: 'global' }, global);
  const projects: ProjectEntry[] = [];
  // One after another: a derivation takes 32 MiB and about 0.3 s of a core.
  for (const project of document.projects) {
    const adopted = await adoptEntry(project.authentication, 'project', salt);
    note({ kind: 'project', project: project.id }, adopted);
    projects.push(adopted.entry === project.authentication ? project : { ...project, ...withAuthentication(adopted.entry) });
  }
  const isSame = global.entry === document.default?.authentication
    && projects.every((project, index) => project === document.projects[index]);
  const next = isSame ? document : { ...document, default: { ...document.default, ...withAuthentication(global.entry) }, projects };
  checkKeysDiffer(document, next);
  return { document: next, generated, typed, changed: !isSame };
}

function withAuthentication(entry: Partial<AuthenticationEntry> | undefined): { readonly authentication?: Partial<AuthenticationEntry> } {
  return entry === undefined ? {} : { authentication: entry };
}

/** The salt of the typed keys of the document, or a new one. */
function saltOf(document: ConfigDocument): string {
  for (const { entry } of authenticationsIn(document)) {
    const parsed = parseKeyHash(entry?.api_key_hash ?? '');
    if (parsed?.scheme === 'scrypt') return parsed.salt;
  }
  return randomSalt();
}

/** Returns `given` itself if nothing changes. */
async function adoptEntry(
  given: Partial<AuthenticationEntry> | undefined,
  kind: 'global' | 'project',
  salt: string,
): Promise<AdoptedEntry> {
  const entry: AuthenticationEntry = { ...BUILT_IN_AUTHENTICATION, api_key: null, api_key_hash: null, ...given };
  const { enabled, save_api_key_to_file: isSaved, api_key: typed, api_key_hash: hash } = entry;
  if (typed !== null) {
    const newHash = await hashApiKey(typed, salt);
    const adopted: AuthenticationEntry = { ...entry, api_key: isSaved ? typed : null, api_key_hash: newHash };
    const isSame = adopted.api_key === typed && newHash === hash;
    const isChosen = parseKeyHash(newHash)?.scheme === 'scrypt';
    return { entry: isSame ? given : adopted, generated: null, typed: isChosen ? { key: typed, hash: newHash } : null };
  }
  if (hash !== null || !enabled) return { entry: given, generated: null, typed: null };
  const key = generateApiKey(kind);
  return { entry: { ...entry, api_key: isSaved ? key : null, api_key_hash: hashGenerated(key) }, generated: key, typed: null };
}

/**
 * A typed key has two possible hashes: scrypt with the salt, and a plain SHA-256 that a user computed. If the key is known, both are
 * compared.
 */
function checkKeysDiffer(given: ConfigDocument, adopted: ConfigDocument): void {
  const typed = authenticationsIn(given).map(({ entry }) => entry?.api_key ?? null);
  const pointers = new Map<string, string>();
  for (const [index, { pointer, entry }] of authenticationsIn(adopted).entries()) {
    const key = typed[index] ?? null;
    const hashes = new Set([entry?.api_key_hash ?? null, key === null ? null : hashGenerated(key)]);
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
