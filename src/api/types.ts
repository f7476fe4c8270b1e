/**
 * The JSON of requests, answers and problems as types, for programs that talk to the server. Written beside the schemas in
 * `schemas/` and `problems.ts`; `test/api/types.test.ts` compares each of them with its schema, member by member.
 */
import type { ErrorCode } from '../base/error-codes.js';
import type { ChangeOf, ValuesOf } from '../base/setting.js';
import type { Permission } from './permissions.js';
import type { AUTHENTICATION_SETTINGS, QUOTA_SETTINGS, STORAGE_SETTINGS } from './project-settings.js';

/** The answer to a write of one key. */
export interface KeyReceiptJson {
  readonly key: string;
  readonly seq: number;
  readonly hash: string;
  /** Present if the change may not be on disk yet. */
  readonly durable?: false;
}

/** The answer to a deletion of many keys. Without `seq` and `hash` nothing was changed. */
export interface ClearReceiptJson {
  readonly deleted: number;
  readonly seq?: number;
  readonly hash?: string;
  readonly durable?: false;
  readonly dry_run?: true;
}

/** The number of keys at a seq. */
export interface KeyCountJson {
  readonly count: number;
  readonly seq: number;
}

/** An entry of a listing, but for its value, which is kept as text. */
export interface ListedEntryJson {
  readonly key: string;
  readonly seq: number;
  readonly modified_at: string;
  readonly expires_at: string | null;
}

/** An entry of a read of many keys, but for its value. `seq` is 0, and the rest missing, if the key does not exist. */
export interface ReadEntryJson {
  readonly key: string;
  readonly seq: number;
  readonly etag?: string;
  readonly expires_at?: string | null;
}

/** The result of an operation of a batch. */
export interface BatchResultJson {
  readonly key: string;
  /** Of a check: the version, 0 for none. */
  readonly seq?: number;
  /** Of a set. */
  readonly created?: boolean;
  /** Of a delete or touch. */
  readonly existed?: boolean;
}

/** The answer to a batch. */
export interface BatchReceiptJson {
  readonly seq: number;
  readonly hash?: string;
  readonly durable?: false;
  /** Missing in an answer that is repeated. */
  readonly results?: readonly BatchResultJson[];
}

/** The newest line of a project. */
export interface CheckpointJson {
  readonly project: string;
  readonly log_id: string;
  readonly seq: number;
  readonly hash: string;
  readonly time: string;
}

/** What a project can do now. */
type ProjectStateJson = 'serving' | 'read_only' | 'log_failed' | 'corrupt' | 'missing' | 'outdated' | 'newer_format';

/** What is shown of a project. */
export interface ProjectJson {
  readonly id: string;
  readonly storage: ValuesOf<typeof STORAGE_SETTINGS>;
  readonly authentication: ValuesOf<typeof AUTHENTICATION_SETTINGS>;
  readonly quota: ValuesOf<typeof QUOTA_SETTINGS>;
  /** RFC 3339; null for a project that cannot be read. */
  readonly created_at: string | null;
  /** When settings or the API key changed last. */
  readonly updated_at: string | null;
  readonly seq: number;
  readonly key_count: number;
  readonly value_bytes: number;
  readonly log_id: string | null;
  readonly state: ProjectStateJson;
}

/** The settings of a project to change; what is left out stays as it is. */
export interface SettingsChangeJson {
  readonly storage?: ChangeOf<typeof STORAGE_SETTINGS>;
  readonly authentication?: ChangeOf<typeof AUTHENTICATION_SETTINGS>;
  readonly quota?: ChangeOf<typeof QUOTA_SETTINGS>;
}

/** A project to create. */
export interface NewProjectJson extends SettingsChangeJson {
  readonly id: string;
}

/** A project that was created. */
export interface CreatedProjectJson extends ProjectJson {
  /** Shown only here; null if authentication is off. */
  readonly api_key: string | null;
}

/** A project that was changed. */
export interface ChangedProjectJson extends ProjectJson {
  /** Shown only here; present if authentication was switched on and there was none. */
  readonly api_key?: string;
}

/** A snapshot that was made. */
export interface CompactionJson {
  readonly seq: number;
  readonly key_count: number;
  readonly bytes: number;
  readonly duration_ms: number;
}

interface UsedQuotaJson {
  readonly limit: number | null;
  readonly used: number;
}

interface RateJson {
  readonly limit: number | null;
}

/** What requests are limited to, and what a project may hold. */
export interface LimitsJson {
  readonly limits: {
    readonly value_bytes: number;
    readonly key_bytes: number;
    readonly line_bytes: number;
    readonly page_keys: number;
    readonly batch_ops: number;
    readonly batch_bytes: number;
    readonly read_keys: number;
    readonly idempotency: { readonly seconds: number; readonly entries: number };
  };
  readonly quota: { readonly max_keys: UsedQuotaJson; readonly max_bytes: UsedQuotaJson };
  readonly rate: { readonly reads_per_second: RateJson; readonly writes_per_second: RateJson };
}

/** What is shown of an API key. */
export interface ApiKeyJson {
  readonly id: string;
  readonly name: string;
  readonly permissions: readonly Permission[];
  readonly not_before: string | null;
  readonly expires_at: string | null;
  readonly created_at: string | null;
  readonly last_used_at: string | null;
  readonly state: 'active' | 'not_yet' | 'expired';
}

/** An API key to make. At most one of `expires_at` and `ttl_seconds`. */
export interface NewApiKeyJson {
  readonly name: string;
  readonly permissions: readonly Permission[];
  readonly not_before?: string | null;
  readonly expires_at?: string | null;
  readonly ttl_seconds?: number;
}

/** What to change of an API key. */
export interface ApiKeyChangeJson {
  readonly name?: string;
  readonly expires_at?: string | null;
}

/** An API key that was made. */
export interface CreatedApiKeyJson extends ApiKeyJson {
  /** Shown only here. */
  readonly api_key: string;
}

/** An API key that was made in place of another. */
export interface RotatedApiKeyJson extends CreatedApiKeyJson {
  readonly previous: { readonly id: string; readonly expires_at: string | null };
}

/** The caller's own API key. */
export interface OwnApiKeyJson extends ApiKeyJson {
  readonly scope: 'global' | 'project';
  /** Null for a key that holds for all projects. */
  readonly project: string | null;
}

/** A new primary API key. */
export interface RegeneratedKeyJson {
  readonly id: string;
  /** Shown only here. */
  readonly api_key: string;
  readonly other_keys: readonly ApiKeyJson[];
}

interface ReadinessCheckJson {
  readonly name: string;
  readonly ok: boolean;
  readonly detail: string;
}

/** The answer of the readiness probe. */
export interface ReadinessJson {
  readonly status: 'ready' | 'starting' | 'stopping' | 'not_ready';
  readonly code?: 'starting';
  readonly projects_started?: number;
  readonly projects_refused?: number;
  readonly projects_total?: number;
  readonly checks?: readonly ReadinessCheckJson[];
  readonly degraded_count?: number;
  readonly degraded?: readonly { readonly id: string; readonly state: ProjectStateJson }[];
}

/** Figures of the last hour, a value for each step, oldest first; null where nothing is known. */
export interface StatsJson {
  readonly step_seconds: number;
  /** When the first step began. */
  readonly start: string;
  /** Those of the server as a whole are missing for a project. */
  readonly series: {
    readonly requests?: readonly (number | null)[];
    readonly writes?: readonly (number | null)[];
    readonly problems_4xx?: readonly (number | null)[];
    readonly problems_5xx?: readonly (number | null)[];
    readonly keys?: readonly (number | null)[];
    readonly value_bytes?: readonly (number | null)[];
    readonly queue_commands?: readonly (number | null)[];
    readonly sync_p50_seconds?: readonly (number | null)[];
    readonly sync_p99_seconds?: readonly (number | null)[];
    readonly resident_bytes?: readonly (number | null)[];
    readonly event_loop_lag_p99_seconds?: readonly (number | null)[];
  };
}

/** What a reload changed, or would change. */
export interface ReloadedJson {
  /** Settings of the server that are in force now, such as `limits.max_connections`. */
  readonly changed: readonly string[];
  /** Settings that were edited and that only a restart changes. */
  readonly needs_restart: readonly string[];
  readonly projects: readonly {
    readonly id: string;
    readonly outcome: 'created' | 'served' | 'edited' | 'updated' | 'not_served' | 'refused' | 'failed';
    /** Its settings that changed. */
    readonly changed?: readonly string[];
  }[];
}

/** What every problem has. */
export interface ProblemJson {
  readonly type: string;
  readonly title: string;
  readonly status: number;
  readonly detail: string;
  readonly code: ErrorCode;
  readonly request_id: string;
}

interface LimitFacts {
  readonly limit?: number;
  readonly actual?: number;
}

interface PlaceFacts {
  readonly pointer?: string;
  readonly expected?: string;
}

interface FileFacts {
  readonly files?: readonly string[];
}

interface WaitFacts {
  readonly retry_after_seconds?: number;
}

/** What a problem may say beside the members that every one has, by code. Codes that are not here have no facts. */
export interface ProblemFacts {
  readonly too_many_headers: LimitFacts;
  readonly unauthorized: { readonly reason?: 'expired' };
  readonly forbidden: { readonly permissions?: readonly string[] };
  readonly too_many_failed_keys: WaitFacts;
  readonly invalid_project_id: PlaceFacts;
  readonly invalid_key: LimitFacts & { readonly reason?: string; readonly pointer?: string };
  readonly invalid_query: { readonly parameter?: string };
  readonly invalid_body: PlaceFacts;
  readonly too_many_keys: LimitFacts;
  readonly invalid_settings: PlaceFacts;
  readonly invalid_batch: PlaceFacts & { readonly op_index?: number };
  readonly too_many_ops: LimitFacts;
  readonly receipt_not_found: { readonly last_seq?: number };
  readonly too_many_api_keys: { readonly limit?: number };
  readonly project_files_exist: FileFacts;
  readonly project_not_served: FileFacts;
  readonly ahead_of_log: { readonly log_id?: string; readonly oldest_seq?: number; readonly last_seq?: number };
  readonly value_in_use: { readonly keys?: readonly string[] };
  readonly history_gone: { readonly oldest_seq?: number; readonly snapshot_seq?: number | null };
  readonly value_redacted: { readonly seq?: number };
  readonly precondition_failed: {
    readonly current_seq?: number;
    readonly op_index?: number;
    readonly key?: string;
    readonly expected?: number;
    readonly actual?: number;
    readonly keys?: readonly string[];
    readonly count?: number;
  };
  readonly invalid_config: PlaceFacts & { readonly found?: string };
  readonly body_too_large: LimitFacts & { readonly op_index?: number };
  readonly line_too_large: LimitFacts;
  readonly invalid_utf8: { readonly offset?: number };
  readonly invalid_json: { readonly offset?: number; readonly line?: number; readonly column?: number; readonly expected?: string };
  readonly too_many_streams: { readonly limit?: number };
  readonly rate_limited: WaitFacts & { readonly quota?: 'reads_per_second' | 'writes_per_second'; readonly limit?: number };
  readonly quota_exceeded: LimitFacts & { readonly quota?: 'max_keys' | 'max_bytes' };
  readonly state_too_large: { readonly limit?: number };
}
