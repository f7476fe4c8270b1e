/**
 * The client for TypeScript and JavaScript, in Node and in browsers: everything that a program may use of it.
 */

/** The client of a project. */
export { SimpleKv } from './simple-kv.js';
export { SimpleKvAdmin } from './admin.js';
export { isCode, SimpleKvError } from './error.js';
export type { DeletedKeys } from './simple-kv.js';
export type { OverlapOptions, ReadyOptions, ReloadOptions, ServerReadiness, StatsOptions } from './admin.js';
export type { ClientErrorCode, FactsOf, SimpleKvCode, SimpleKvErrorOf } from './error.js';
export type { Batch, BatchReceipt, CheckOptions, ExistingOptions } from './batch.js';
export type { ChangeEvent, EventChange, EventOp, KeyOp } from './change-events.js';
export type { Receipt, SetReceipt } from './changes.js';
export type { Entry, ListedEntry } from './entries.js';
export type { EventsOptions } from './event-list.js';
export type { GetEntryOptions, GetOptions, KeyReader } from './key-reader.js';
export type {
  CallOptions, ConditionOptions, ConnectionOptions, DeleteManyOptions, DeleteOptions, ExpiryOptions, ListOptions, ReadMoment, RangeOptions,
  RetryOptions, SetOptions, SimpleKvOptions, UpdateOptions, WriteOptions,
} from './options.js';
export type { LiveEvent, ResetEvent, WatchConnection, WatchEvent, WatchOptions } from './watch.js';
export type {
  ApiKeyChangeJson, ApiKeyJson, BatchResultJson, ChangedProjectJson, CheckpointJson, CompactionJson, CreatedApiKeyJson, CreatedProjectJson,
  LimitsJson, NewApiKeyJson, NewProjectJson, OwnApiKeyJson, ProblemFacts, ProjectJson, ReadinessJson, RegeneratedKeyJson,
  ReloadedJson, RotatedApiKeyJson, SettingsChangeJson, StatsJson,
} from '../api/types.js';
