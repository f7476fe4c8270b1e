/** Stores of a project that has just been created, and the commands that tests give them. */
import { AppError } from '../../src/base/app-error.js';
import type { ErrorCode } from '../../src/base/error-codes.js';
import { BUILT_IN_SETTINGS, BUILT_IN_STORAGE, type StorageSettings } from '../../src/events/project-settings.js';
import type { Log } from '../../src/log/log.js';
import { MemoryLog } from '../../src/log/memory-log.js';
import { ProjectModel } from '../../src/projections/project-model.js';
import type { Command, CommandContext, Precondition } from '../../src/store/command.js';
import { ProjectStore, type StoreLimits } from '../../src/store/project-store.js';
import { ScriptedLog } from './scripted-log.js';

/** Who asks, where it does not matter. */
export const CONTEXT: CommandContext = { actor: 'anonymous', requestId: 'r1' };

/** What a store may differ in. */
export interface StoreOptions {
  readonly storage?: Partial<StorageSettings>;
  readonly limits?: StoreLimits;
}

/** The first command that every project is given. */
export function create(storage: Partial<StorageSettings> = {}): Command {
  const settings = { ...BUILT_IN_SETTINGS, storage: { ...BUILT_IN_STORAGE, ...storage } };
  return { type: 'project.create', settings, keyId: null };
}

/** Gives a key a value. */
export function set(key: string, value = '1', precondition?: Precondition): Command {
  return { type: 'set', key, value, ...(precondition === undefined ? {} : { precondition }) };
}

/** Removes a key. */
export function remove(key: string, precondition?: Precondition): Command {
  return { type: 'delete', key, ...(precondition === undefined ? {} : { precondition }) };
}

/** A store over a log in memory; the project is created, so its last seq is 1. */
export async function storeInMemory(options: StoreOptions = {}): Promise<ProjectStore> {
  const store = storeOver(new MemoryLog({ project: 'alpha', logId: '0123456789abcdef0123456789abcdef' }), options);
  await store.submit(create(options.storage), CONTEXT);
  return store;
}

/** A store over a log that waits for the test; the project is created, so its last seq is 1. */
export async function storeOnScript(options: StoreOptions = {}): Promise<{ readonly store: ProjectStore; readonly log: ScriptedLog }> {
  const log = new ScriptedLog();
  const store = storeOver(log, options);
  const created = store.submit(create(options.storage), CONTEXT);
  await log.letThrough();
  await created;
  log.batches.length = 0;
  return { store, log };
}

/** A store over an empty log. */
export function storeOver(log: Log, { limits }: StoreOptions = {}): ProjectStore {
  return new ProjectStore({ log, model: new ProjectModel(), ...(limits === undefined ? {} : { limits }) });
}

/** What has become of a command, without waiting for it. */
export interface Watched {
  /** `waiting`, `done`, or why it was not done. */
  outcome: 'waiting' | 'done' | ErrorCode | 'other';
  /** Resolves with the result, or with the error. */
  readonly settled: Promise<unknown>;
}

/** Gives a store a command and watches what becomes of it. */
export function submitWatched(store: ProjectStore, command: Command): Watched {
  const watched: { outcome: Watched['outcome']; settled: Promise<unknown> } = { outcome: 'waiting', settled: Promise.resolve() };
  watched.settled = store.submit(command, CONTEXT).then((result) => {
    watched.outcome = 'done';
    return result;
  }, (error: unknown) => {
    watched.outcome = error instanceof AppError ? error.code : 'other';
    return error;
  });
  return watched;
}

/** Tells whether something thrown is the refusal with a code. */
export function isRefusal(code: ErrorCode): (error: unknown) => boolean {
  return (error) => error instanceof AppError && error.code === code;
}
