/**
 * Bringing what the configuration says of a project into its log, and what was edited into the registry: an edit by hand, a crash
 * between the update and the rest, a key that an older copy of the file does not know.
 */
import { keyIdOf } from '../auth/key-hash.js';
import { AppError } from '../base/app-error.js';
import { logFailure } from '../base/log-failure.js';
import type { Logger } from '../base/logger.js';
import type { Outcome } from '../config/reconcile.js';
import { diffSettings } from '../events/project-settings.js';
import type { CommandContext } from '../store/command.js';
import type { ProjectStore } from '../store/project-store.js';
import { type EntryKey, keyIdOrNull, makeKey, storedKeyOf } from './project-entries.js';
import type { ProjectResources } from './project-resources.js';
import type { ServerJournal } from './server-journal.js';
import { reportUnshownKey } from './unshown-key.js';

const EDIT_HOLDS = 'the configuration was edited; the edit takes effect';
const ADOPTED_KEY_HOLDS = 'the API key that an adopted project was given takes effect';

/** What ends with a project that is served. */
export type ServedOutcome = Extract<Outcome, { kind: 'done' | 'roll_forward' | 'edited' }>;

/** What it takes. */
export interface EntryEditsParts {
  readonly resources: Pick<ProjectResources, 'config' | 'keyring' | 'announceKey' | 'logger'>;
  readonly journal: ServerJournal;
  /** Who edits. */
  readonly context: CommandContext;
  /** Projects that this start has given an entry. */
  readonly adopted: readonly string[];
}

/** Records what the configuration says. */
export class EntryEdits {
  readonly #parts: EntryEditsParts;

  /** @param parts configuration, keys, registry, and who edits */
  constructor(parts: EntryEditsParts) {
    this.#parts = parts;
  }

  get #logger(): Logger {
    return this.#parts.resources.logger;
  }

  /**
   * Brings what the file says into the log. When the disk is full, the log's settings hold, and the next start tries again; but
   * a project that its owner wants guarded otherwise is not served the old way.
   *
   * @returns false where the log's settings hold instead; the entry is then to stay as it is
   * @throws {AppError} why the log does not take it
   */
  async takeOver(store: ProjectStore, outcome: ServedOutcome, key: EntryKey): Promise<boolean> {
    const { id } = store;
    try {
      if (outcome.kind === 'edited') await this.#recordEdit(store, outcome, key);
      if (outcome.kind === 'roll_forward') {
        this.#logger.warn({ project: id }, 'the entry of the configuration was older than the log; it takes what the log says');
        if (outcome.keyId !== undefined) await this.#recordKey(store, outcome.keyId);
      }
      return true;
    } catch (error) {
      const isDiskFull = error instanceof AppError && error.code === 'disk_full';
      if (!isDiskFull || (outcome.kind === 'edited' && outcome.names.includes('authentication.enabled'))) throw error;
      const message = 'what the configuration says could not be recorded: the disk is full. The next start tries again';
      this.#logger.warn({ project: id, err: error }, message);
      return false;
    }
  }

  /** What a person edited becomes an event. */
  async #recordEdit(store: ProjectStore, outcome: Extract<Outcome, { kind: 'edited' }>, key: EntryKey): Promise<void> {
    const keyId = keyIdOrNull(key);
    const changed = [...outcome.names, ...(outcome.keyChanged ? ['authentication.api_key'] : [])];
    const { change } = diffSettings(store.settings, outcome.settings);
    const update = { type: 'project.update', change, keyId: outcome.keyChanged ? keyId : store.version.keyId } as const;
    if (outcome.names.length === 0) await this.#recordKey(store, keyId);
    else await store.submit(update, this.#parts.context);
    this.#logger.info({ project: store.id, changed }, this.#parts.adopted.includes(store.id) ? ADOPTED_KEY_HOLDS : EDIT_HOLDS);
    await this.#recordInJournal(store.id, changed, keyId);
  }

  async #recordKey(store: ProjectStore, keyId: string | null): Promise<void> {
    await store.submit({ type: 'project.key', keyId }, this.#parts.context);
  }

  /** Makes a key where the log says that one is needed and the configuration knows none, since an older copy of it was put back. */
  async makeMissingKey(store: ProjectStore): Promise<EntryKey> {
    const { announceKey, keyring } = this.#parts.resources;
    const { key, entryKey } = makeKey(store.settings);
    if (!announceKey(store.id, key)) reportUnshownKey(this.#logger, store.id);
    keyring.setKey({ kind: 'project', project: store.id }, storedKeyOf(entryKey));
    await this.#recordKey(store, keyIdOf(entryKey.apiKeyHash));
    return entryKey;
  }

  /** Records in the registry that the global key has changed, where it has. */
  async recordDefaultKey(): Promise<void> {
    const { config } = this.#parts.resources;
    const hash = config.document.default?.authentication?.api_key_hash ?? null;
    const keyId = hash === null ? null : keyIdOf(hash);
    if (keyId === this.#parts.journal.registrations.defaultKeyId) return;
    await this.#recordInJournal('default', ['authentication.api_key'], keyId);
  }

  /** For audit only: a full disk or a damaged registry keeps no project from being served. */
  async #recordInJournal(scope: string, changed: readonly string[], keyId: string | null): Promise<void> {
    if (this.#parts.journal.isCorrupt) return;
    await this.#parts.journal.record({ op: 'config.edited', scope, changed, key_id: keyId }, this.#parts.context)
      .catch(logFailure(this.#logger, 'warn', { scope }, 'an edit of the configuration could not be recorded in the registry'));
  }
}
