/**
 * Turns what a person typed about keys into what the server keeps: typed keys become hashes, missing keys are made.
 * Gives a new document; writes nothing.
 */
import { generateApiKey } from '../auth/api-key.js';
import { hashApiKey, hashGenerated, parseKeyHash } from '../auth/key-hash.js';
import type { KeyScope } from '../auth/keyring.js';
import { randomSalt } from '../base/random-id.js';
import { BUILT_IN_AUTHENTICATION } from '../events/project-settings.js';
import { placedAuthentications } from './check-config.js';
import type { AuthenticationEntry, ConfigDocument, ProjectEntry } from './config-document.js';
import { ConfigError } from './config-error.js';

/** A key that was made, to be shown once. */
export interface GeneratedKey {
  readonly scope: KeyScope;
  readonly key: string;
}

/** A key that a person typed and that is stored with scrypt. */
export interface TypedKey {
  readonly scope: KeyScope;
  readonly key: string;
  /** The text that is stored for it. */
  readonly hash: string;
}

/** What came of {@link adoptKeys}. */
export interface AdoptedKeys {
  readonly document: ConfigDocument;
  /** The global key first, then the projects' in their order. */
  readonly generated: readonly GeneratedKey[];
  /** The typed keys that the document had in plain text and that are stored with scrypt: they are known without a derivation. */
  readonly typed: readonly TypedKey[];
  /** False: the document is the one that was given, and needs no writing. */
  readonly changed: boolean;
}

interface AdoptedEntry {
  readonly entry: Partial<AuthenticationEntry> | undefined;
  readonly generated: string | null;
  /** The key and its hash, for one that was typed and is stored with scrypt. */
  readonly typed: Omit<TypedKey, 'scope'> | null;
}

/**
 * Adopts the keys of a document.
 *
 * - A typed key: its hash is computed; the key itself goes unless `save_api_key_to_file` is on. A key that fits the present
 *   hash leaves that text as it is, so the id of the key does not change.
 * - Neither key nor hash where authentication is on: a key is made.
 *
 * @returns the document to be kept, and the keys that were made
 * @throws {ConfigError} when two scopes have the same key, which would make one of them open the other
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
  // One after another: each typed key costs a derivation, and these use all the cores that two of them could.
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

/** The salt of the chosen keys that are there already, or a new one. */
function saltOf(document: ConfigDocument): string {
  for (const { entry } of placedAuthentications(document)) {
    const parsed = parseKeyHash(entry?.api_key_hash ?? '');
    if (parsed?.scheme === 'scrypt') return parsed.salt;
  }
  return randomSalt();
}

/** Gives the very entry that it was given where nothing is to be changed. */
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
 * A chosen key has two possible hashes: the one with the salt, and a plain SHA-256 that a person computed. Where the key
 * itself is known, both are looked for.
 */
function checkKeysDiffer(given: ConfigDocument, adopted: ConfigDocument): void {
  const typed = placedAuthentications(given).map(({ entry }) => entry?.api_key ?? null);
  const places = new Map<string, string>();
  for (const [index, { pointer, entry }] of placedAuthentications(adopted).entries()) {
    const key = typed[index] ?? null;
    const names = new Set([entry?.api_key_hash ?? null, key === null ? null : hashGenerated(key)]);
    for (const name of names) {
      if (name === null) continue;
      const other = places.get(name);
      if (other !== undefined) {
        throw new ConfigError({ pointer, expected: `has the same API key as ${other}: give each its own`, kind: 'stated' });
      }
      places.set(name, pointer);
    }
  }
}
