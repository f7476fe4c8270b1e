/**
 * Where the API keys of a scope are kept: its entry in the configuration, and the log that records its listed keys. That of a project is
 * the project's own, that of `default` the registry.
 */
import type { KeyScope } from '../../auth/keyring.js';
import { type ApiKeyEntry, entryIdOf } from '../../config/api-key-entries.js';
import type { ConfigDocument } from '../../config/config-document.js';
import type { AccessEvent } from '../../events/access-event.js';
import type { AccessKeys } from '../../projections/access-keys.js';
import type { CommandContext } from '../../store/command.js';
import type { ProjectStore } from '../../store/project-store.js';
import { type EntryKey, entryStateOf, findEntry, keyOfEntry, withEntries } from '../project-entries.js';
import type { ProjectServices } from '../project-resources.js';

/** A primary key, and when it was recorded. */
interface PrimaryKey extends EntryKey {
  /** Milliseconds since 1970; null if that is not known. */
  readonly sinceMs: number | null;
}

/** A scope whose keys can be read and changed. */
export interface AccessScope {
  readonly scope: KeyScope;
  readonly primary: PrimaryKey;
  /** The listed keys that are in force, in the order of the configuration. */
  readonly entries: readonly ApiKeyEntry[];
  /** What the log has recorded; undefined for a project that is not served. */
  readonly recorded: AccessKeys | undefined;
  /** Checks before anything is written; absent where an attempt says the same. Throws if the log certainly accepts no line. */
  requireWritable?(): void;
  /**
   * Writes listed keys into the configuration.
   *
   * @param isSettled true: the log has all that the entry says
   * @throws {AppError} `config_write_failed`
   */
  write(entries: readonly ApiKeyEntry[], isSettled: boolean): Promise<void>;
  /**
   * Records an event.
   *
   * @param onApplied puts the consequences into force, once the event is durable
   * @throws {AppError} the errors of an append
   */
  record(event: AccessEvent, context: CommandContext, onApplied?: () => void): Promise<void>;
}

/** The scope of a project. */
class ProjectScope implements AccessScope {
  readonly scope: KeyScope;
  readonly #services: ProjectServices;
  readonly #id: string;
  /** Undefined for a project that is not served. */
  readonly #store: ProjectStore | undefined;

  constructor(services: ProjectServices, id: string, store: ProjectStore | undefined) {
    this.scope = { kind: 'project', project: id };
    this.#services = services;
    this.#id = id;
    this.#store = store;
  }

  get primary(): PrimaryKey {
    return { ...keyOfEntry(findEntry(this.#services.config.document, this.#id)), sinceMs: this.#store?.state.keySinceMs ?? null };
  }

  get entries(): readonly ApiKeyEntry[] {
    const { config: { document } } = this.#services;
    return inForce(this.#services, this.scope, findEntry(document, this.#id)?.authentication?.api_keys);
  }

  get recorded(): AccessKeys | undefined {
    return this.#store?.access;
  }

  async write(apiKeys: readonly ApiKeyEntry[], isSettled: boolean): Promise<void> {
    const store = this.#servedStore();
    await this.#services.config.update((document) => {
      const entry = findEntry(document, this.#id);
      const state = { ...entryStateOf(store, keyOfEntry(entry)), apiKeys };
      return withEntries(document, [isSettled ? state : { ...state, revision: entry?.revision }]);
    });
  }

  async record(event: AccessEvent, context: CommandContext, onApplied?: () => void): Promise<void> {
    await this.#servedStore().submitAlone({ type: 'access', event }, context, onApplied);
  }

  /** @throws {AppError} the refusal of a project that is not served */
  #servedStore(): ProjectStore {
    return this.#store ?? this.#services.table.store(this.#id);
  }
}

/** The scope of all projects. */
class GlobalScope implements AccessScope {
  readonly scope: KeyScope = { kind: 'global' };
  readonly #services: ProjectServices;

  constructor(services: ProjectServices) {
    this.#services = services;
  }

  get primary(): PrimaryKey {
    const { api_key: apiKey = null, api_key_hash: apiKeyHash = null } = this.#services.config.document.default?.authentication ?? {};
    return { apiKey, apiKeyHash, sinceMs: null };
  }

  get entries(): readonly ApiKeyEntry[] {
    return inForce(this.#services, this.scope, this.#services.config.document.default?.authentication?.api_keys);
  }

  get recorded(): AccessKeys {
    return this.#services.registry.registrations.access;
  }

  requireWritable(): void {
    this.#services.registry.requireWritable();
  }

  async write(apiKeys: readonly ApiKeyEntry[], isSettled: boolean): Promise<void> {
    const { lastSeq } = this.recorded;
    await this.#services.config.update((document) => withGlobalKeys(document, apiKeys, isSettled ? lastSeq : undefined));
  }

  async record(event: AccessEvent, context: CommandContext, onApplied?: () => void): Promise<void> {
    await this.#services.registry.record(event, context);
    onApplied?.();
  }
}

/**
 * Returns the scope of some keys.
 *
 * @throws {AppError} `project_not_found`
 */
export function accessScope(services: ProjectServices, scope: KeyScope): AccessScope {
  if (scope.kind === 'global') return new GlobalScope(services);
  const { project: id } = scope;
  const found = services.table.get(id);
  return new ProjectScope(services, id, found?.kind === 'served' ? found.store : undefined);
}

/** A key that was removed stays in the file as long as it cannot be written. */
function inForce(
  { keyring }: ProjectServices, scope: KeyScope, entries: readonly ApiKeyEntry[] | undefined,
): readonly ApiKeyEntry[] {
  return (entries ?? []).filter((entry) => keyring.hasListed(scope, entryIdOf(entry)));
}

/**
 * Puts the listed keys of `default` into a document.
 *
 * @param revision the seq of the newest event about them; undefined: as it was
 */
export function withGlobalKeys(document: ConfigDocument, apiKeys: readonly ApiKeyEntry[], revision: number | undefined): ConfigDocument {
  const { revision: before, authentication, ...others } = document.default ?? {};
  const newest = revision ?? before;
  return {
    ...document,
    default: {
      ...(newest === undefined || newest === 0 ? {} : { revision: newest }),
      ...others,
      authentication: { ...authentication, api_keys: apiKeys },
    },
  };
}
