/**
 * What config.json holds, as types. Names are those of the file. Every member that may be left out has its default in
 * `server-options.ts` or among the built-in settings of a project.
 */
import type { LogLevel } from '../base/logger.js';
import type { AuthenticationSettings, StorageChange } from '../events/project-settings.js';

/** Who may use a scope, and its key. */
export interface AuthenticationEntry extends AuthenticationSettings {
  /** The key in plain text: typed by a person, or kept because `save_api_key_to_file` is on. */
  readonly api_key: string | null;
  /** `sha256:…` or `scrypt:…`. */
  readonly api_key_hash: string | null;
}

/** One project. */
export interface ProjectEntry {
  readonly id: string;
  /** The seq of the project event that this entry reflects; absent for a project in memory and for a new one. */
  readonly revision?: number;
  readonly storage?: StorageChange;
  readonly authentication?: Partial<AuthenticationEntry>;
}

/** What a project gets that does not say, and where all of them are kept. */
export interface DefaultStorage extends StorageChange {
  /** The folder of all logs, relative to the folder of the file. */
  readonly persistent_file_path?: string;
}

/** What projects get that do not say (`storage`), and what guards the global routes (`authentication`). */
export interface DefaultEntry {
  readonly storage?: DefaultStorage;
  readonly authentication?: Partial<AuthenticationEntry>;
}

/** Limits on what clients may send and on what is held for them. */
export interface LimitsEntry {
  readonly max_value_bytes: number;
  readonly max_key_bytes: number;
  readonly max_header_bytes: number;
  readonly max_headers: number;
  readonly max_connections: number;
  readonly max_queue_commands: number;
  readonly max_queue_bytes: number;
  readonly max_answer_bytes: number;
  readonly max_failed_keys_per_minute: number;
}

/** How long things may take. */
export interface TimeoutsEntry {
  readonly headers_seconds: number;
  readonly request_seconds: number;
  readonly keep_alive_seconds: number;
  readonly idle_seconds: number;
  readonly shutdown_seconds: number;
}

/** Key and certificate for HTTPS. */
export interface TlsEntry {
  readonly key_file: string;
  readonly cert_file: string;
}

/** The whole file. */
export interface ConfigDocument {
  readonly version: 1;
  readonly server_port?: number;
  readonly server_host?: string;
  readonly tls?: TlsEntry | null;
  readonly limits?: Partial<LimitsEntry>;
  readonly timeouts?: Partial<TimeoutsEntry>;
  readonly log_level?: LogLevel;
  readonly allowed_hosts?: readonly string[];
  readonly trusted_proxies?: readonly string[];
  readonly print_api_keys?: boolean;
  readonly default?: DefaultEntry;
  readonly projects: readonly ProjectEntry[];
}
