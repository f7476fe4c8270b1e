/**
 * The contract of API keys for the HTTP room: list, show, make, change, replace, remove. Implementations keep the configuration file, the
 * log and the keyring consistent. A scope has one primary key, which may do everything and is shown here but changed elsewhere, and a list
 * of others.
 */
import type { KeyScope } from '../../auth/keyring.js';
import type { KeyPrincipal, KeyState } from '../../auth/principal.js';
import type { RecordedAccess } from '../../events/access-event.js';
import type { CommandContext } from '../../store/command.js';

/** What clients see of a key: never the key, never its hash. Times are RFC 3339 in UTC with milliseconds. */
export interface ApiKeyDetails {
  /** 16 hexadecimal digits. */
  readonly id: string;
  /** A label; `primary` for the primary key. */
  readonly name: string;
  readonly permissions: RecordedAccess['permissions'];
  readonly not_before: string | null;
  readonly expires_at: string | null;
  /** Null if it is not known. */
  readonly created_at: string | null;
  /** To the minute; null if it was not used since the start of the server. */
  readonly last_used_at: string | null;
  readonly state: KeyState;
}

/** A key to be made. */
export interface NewApiKey {
  readonly name: string;
  readonly permissions: RecordedAccess['permissions'];
  /** Milliseconds since 1970; null: it works at once. */
  readonly notBeforeMs: number | null;
  /** Milliseconds since 1970; null: it does not expire. */
  readonly expiresAtMs: number | null;
}

/** What to change of a key. */
export interface ApiKeyChange {
  readonly name?: string;
  /** Milliseconds since 1970; null: it does not expire. */
  readonly expiresAtMs?: number | null;
}

/** Names a key. */
export interface ApiKeyName {
  readonly scope: KeyScope;
  /** Any text. */
  readonly keyId: string;
}

/** Who asks for a change. */
export interface KeyCaller {
  readonly context: CommandContext;
  /** The caller may give, change and take only what it has itself; see `auth/rights.ts`. */
  readonly rights: number;
}

/** A key that was made, and is shown only this once. */
export interface MadeApiKey {
  readonly details: ApiKeyDetails;
  readonly apiKey: string;
}

/** A key that was made in place of another. */
export interface RotatedApiKey extends MadeApiKey {
  /** The other key, and when it ends. */
  readonly previous: { readonly id: string; readonly expires_at: string };
}

/**
 * API keys. Changes run one at a time, with those of projects. All of them throw `forbidden` for a key that may do more than the caller,
 * `project_not_found`, `config_write_failed` and the errors of a write.
 */
export interface ApiKeys {
  /** @returns the primary key first, if there is one, then the others in the order of the configuration */
  list(scope: KeyScope): readonly ApiKeyDetails[];

  /** @throws {AppError} `api_key_not_found` */
  get(name: ApiKeyName): ApiKeyDetails;

  /**
   * Returns the details of a caller's own key.
   *
   * @throws {AppError} `api_key_not_found` if it was removed meanwhile
   */
  own(principal: KeyPrincipal): ApiKeyDetails;

  /** @throws {AppError} `too_many_api_keys` */
  create(scope: KeyScope, key: NewApiKey, caller: KeyCaller): Promise<MadeApiKey>;

  /** @throws {AppError} `api_key_not_found`; `invalid_settings` for the primary key, and for times that contradict each other */
  change(name: ApiKeyName, change: ApiKeyChange, caller: KeyCaller): Promise<ApiKeyDetails>;

  /**
   * Makes another key with the same name, permissions and times. The previous one ends after the overlap, or earlier if it would have.
   *
   * @param overlapMs 0: it ends at once
   * @throws {AppError} `api_key_not_found`, `too_many_api_keys`; `invalid_settings` for the primary key, and for one that has expired
   */
  rotate(name: ApiKeyName, overlapMs: number, caller: KeyCaller): Promise<RotatedApiKey>;

  /**
   * Removes a key. It stops working before anything is written, and stays stopped if nothing can be written, until the next startup.
   *
   * @throws {AppError} `api_key_not_found`; `invalid_settings` for the primary key; other errors have `applied: true`
   */
  remove(name: ApiKeyName, caller: KeyCaller): Promise<void>;
}
