/**
 * Changes of listed API keys. The order is configuration file, log, keyring: the hash of a key is stored nowhere but in the file, and a key
 * works only once the log has it. A removal begins with the keyring. After a crash between any two steps, startup makes the log follow the
 * file (`start/record-access.ts`); the file never lacks both keys of a rotation.
 */
import { generateApiKey } from '../../auth/api-key.js';
import { hashGenerated, keyIdOf } from '../../auth/key-hash.js';
import { stateAt } from '../../auth/principal.js';
import { namePermissions, rightsOf } from '../../auth/rights.js';
import { AppError } from '../../base/app-error.js';
import { isoTime } from '../../base/iso-time.js';
import { parseRfc3339 } from '../../base/rfc3339.js';
import { logFailure } from '../../base/log-failure.js';
import { type ApiKeyEntry, entryIdOf, LISTED_KEYS_MAX, listedKeyOf, LIVE_KEYS_MAX, recordedTime } from '../../config/api-key-entries.js';
import type { AccessEvent } from '../../events/access-event.js';
import { ACTOR_SERVER } from '../../events/actor.js';
import { asApplied } from '../changes/failed-change.js';
import type { ProjectServices } from '../project-resources.js';
import type { AccessScope } from './access-scope.js';
import type { ApiKeyChange, KeyCaller, NewApiKey } from './api-keys.js';

/** How long an expired key stays in the list, so that the answer to its holder says what has happened to it, in milliseconds. */
const EXPIRED_KEPT_MS = 2_592_000_000;

const NOT_PUT_BACK = 'a change of the API keys that failed stays in the configuration; the next startup takes it over';
const UNSETTLED = 'the revision of the API keys could not be written into the configuration';
const UNRECORDED = 'the removal of an expired API key could not be recorded; the next startup retries';

/** A change of a scope's list. */
interface ListChange {
  /** The list after the change. */
  readonly entries: readonly ApiKeyEntry[];
  readonly event: AccessEvent;
}

/** A key that was made, with its entry. */
interface MadeEntry {
  readonly entry: ApiKeyEntry;
  readonly key: string;
}

/**
 * Adds a key.
 *
 * @throws {AppError} see the contract in `api-keys.ts`
 */
export async function addKey(services: ProjectServices, scope: AccessScope, wanted: NewApiKey, caller: KeyCaller): Promise<MadeEntry> {
  requireWithin(wanted.permissions, caller);
  requireRoom(services, scope);
  const made = makeEntry({
    name: wanted.name,
    permissions: wanted.permissions.toSorted(),
    not_before: textOf(wanted.notBeforeMs),
    expires_at: textOf(wanted.expiresAtMs),
  });
  const event = { op: 'access.add', ...recordOf(made.entry) } as const;
  await carryOut(services, scope, { entries: [...scope.entries, made.entry], event }, caller);
  return made;
}

/**
 * Changes the name or the expiry of a key.
 *
 * @throws {AppError} see the contract in `api-keys.ts`
 */
export async function changeKey(
  services: ProjectServices, scope: AccessScope, asked: { readonly keyId: string; readonly change: ApiKeyChange }, caller: KeyCaller,
): Promise<ApiKeyEntry> {
  const { keyId, change } = asked;
  const entry = requireEntry(scope, keyId, caller);
  const { name = entry.name, expiresAtMs } = change;
  const expires = expiresAtMs === undefined ? recordedTime(entry.expires_at) : textOf(expiresAtMs);
  const notBefore = recordedTime(entry.not_before);
  if (notBefore !== null && expires !== null && expires <= notBefore) {
    throw new AppError('invalid_settings', `Cannot change the API key: "/expires_at" must be later than its not_before, ${notBefore}`, {
      facts: { pointer: '/expires_at', expected: 'a time after not_before' },
    });
  }
  const next = { ...entry, name, expires_at: expires };
  const event = { op: 'access.change', key_id: keyId, name, expires_at: expires } as const;
  await carryOut(services, scope, { entries: replaced(scope.entries, keyId, [next]), event }, caller);
  return next;
}

/** A key that was made in place of another. */
interface RotatedEntry extends MadeEntry {
  /** When the other one ends: RFC 3339. */
  readonly previousExpiresAt: string;
}

/**
 * Makes a key in place of another.
 *
 * @throws {AppError} see the contract in `api-keys.ts`
 */
export async function rotateKey(
  services: ProjectServices, scope: AccessScope, asked: { readonly keyId: string; readonly overlapMs: number }, caller: KeyCaller,
): Promise<RotatedEntry> {
  const { keyId, overlapMs } = asked;
  const entry = requireEntry(scope, keyId, caller);
  const nowMs = services.keyring.nowMs();
  const window = listedKeyOf(entry).window;
  if (stateAt(window, nowMs) === 'expired') {
    throw new AppError('invalid_settings', 'Cannot rotate the API key: it has expired; make another one', { facts: { pointer: '' } });
  }
  if (overlapMs > 0) requireRoom(services, scope);
  const { api_key_hash: _, replaced_by: __, ...same } = entry;
  const made = makeEntry(same);
  const previousExpiresAt = isoTime(Math.min(nowMs + overlapMs, window?.expiresAtMs ?? Infinity));
  const previous = { ...entry, expires_at: previousExpiresAt, replaced_by: entryIdOf(made.entry) };
  const event = {
    op: 'access.rotate', ...recordOf(made.entry), previous_key_id: keyId, previous_expires_at: previousExpiresAt,
  } as const;
  await carryOut(services, scope, { entries: replaced(scope.entries, keyId, [made.entry, previous]), event }, caller);
  return { ...made, previousExpiresAt };
}

/**
 * Removes a key. The log gets the line even if the file cannot be written: the next startup then drops the key from the file.
 *
 * @throws {AppError} see the contract in `api-keys.ts`
 */
export async function removeKey(services: ProjectServices, scope: AccessScope, keyId: string, caller: KeyCaller): Promise<void> {
  requireEntry(scope, keyId, caller);
  const entries = replaced(scope.entries, keyId, []);
  putIntoForce(services, scope, entries);
  const steps = [
    (): Promise<void> => scope.write(entries, false),
    (): Promise<void> => scope.record({ op: 'access.remove', key_id: keyId }, caller.context),
  ];
  const failures: unknown[] = [];
  for (const step of steps) await step().catch((error: unknown) => failures.push(error));
  if (failures.length > 0) throw asApplied(failures[0], 'Cannot write down that the API key was removed; it is until the next restart');
  await finish(services, scope);
}

/** Puts a change into the configuration, the log and the keyring. If the log refuses, the configuration gets the list back that it had. */
async function carryOut(services: ProjectServices, scope: AccessScope, change: ListChange, { context }: KeyCaller): Promise<void> {
  const { logger } = services;
  const { entries, event } = change;
  const before = scope.entries;
  scope.requireWritable?.();
  await scope.write(entries, false);
  let isInForce = false;
  try {
    await scope.record(event, context, () => {
      putIntoForce(services, scope, entries);
      isInForce = true;
    });
  } catch (error) {
    if (isInForce) throw error;
    await scope.write(before, false).catch(logFailure(logger, 'error', { scope: nameOf(scope), key_id: event.key_id }, NOT_PUT_BACK));
    throw error;
  }
  await finish(services, scope);
}

/** Removes what expired long ago, and writes the revision. What fails here is repeated by the next change or startup. */
async function finish(services: ProjectServices, scope: AccessScope): Promise<void> {
  const { logger, keyring } = services;
  const { kept, dropped } = sortOut(scope.entries, keyring.nowMs());
  const facts = { scope: nameOf(scope) };
  for (const entry of dropped) {
    const context = { actor: ACTOR_SERVER, requestId: '' };
    await scope.record({ op: 'access.remove', key_id: entryIdOf(entry) }, context).catch(logFailure(logger, 'warn', facts, UNRECORDED));
  }
  if (dropped.length > 0) putIntoForce(services, scope, kept);
  await scope.write(kept, true).catch(logFailure(logger, 'warn', facts, UNSETTLED));
}

/** Separates the keys that expired so long ago that they are removed, or that no longer fit beside so many newer ones. */
function sortOut(
  entries: readonly ApiKeyEntry[], nowMs: number,
): { readonly kept: readonly ApiKeyEntry[]; readonly dropped: readonly ApiKeyEntry[] } {
  const expired = entries.filter((entry) => expiryOf(entry) <= nowMs).toSorted((one, other) => expiryOf(one) - expiryOf(other));
  const excess = Math.max(entries.length - (LISTED_KEYS_MAX - LIVE_KEYS_MAX), 0);
  const dropped = expired.filter((entry, index) => index < excess || expiryOf(entry) + EXPIRED_KEPT_MS <= nowMs);
  return { kept: entries.filter((entry) => !dropped.includes(entry)), dropped };
}

function expiryOf({ expires_at: expires }: ApiKeyEntry): number {
  return expires === null || expires === undefined ? Infinity : parseRfc3339(expires) ?? Infinity;
}

function putIntoForce({ keyring }: ProjectServices, { scope }: AccessScope, entries: readonly ApiKeyEntry[]): void {
  keyring.setListed(scope, entries.map(listedKeyOf));
}

function makeEntry(facts: Omit<ApiKeyEntry, 'api_key' | 'api_key_hash'>): MadeEntry {
  const key = generateApiKey('listed');
  return { entry: { ...facts, api_key: null, api_key_hash: hashGenerated(key) }, key };
}

/** Returns what the log records of an entry. */
export function recordOf(entry: ApiKeyEntry): Omit<Extract<AccessEvent, { op: 'access.add' }>, 'op'> {
  const { name, permissions, not_before: notBefore, expires_at: expiresAt } = entry;
  return {
    key_id: entryIdOf(entry),
    name,
    permissions: permissions.toSorted(),
    not_before: recordedTime(notBefore),
    expires_at: recordedTime(expiresAt),
  };
}

function replaced(entries: readonly ApiKeyEntry[], keyId: string, by: readonly ApiKeyEntry[]): readonly ApiKeyEntry[] {
  return entries.flatMap((entry) => (entryIdOf(entry) === keyId ? by : [entry]));
}

/**
 * Returns the entry of a listed key that a caller may change.
 *
 * @throws {AppError} `api_key_not_found`, `forbidden`; `invalid_settings` for the primary key
 */
function requireEntry(scope: AccessScope, keyId: string, caller: KeyCaller): ApiKeyEntry {
  const { apiKeyHash } = scope.primary;
  if (apiKeyHash !== null && keyIdOf(apiKeyHash) === keyId) throw primaryKey(scope);
  const entry = scope.entries.find((one) => entryIdOf(one) === keyId);
  if (entry === undefined) throw keyNotFound();
  requireWithin(entry.permissions, caller);
  return entry;
}

function primaryKey({ scope }: AccessScope): AppError {
  const advice = scope.kind === 'global'
    ? 'type another one into the configuration and restart the server'
    : 'POST …/api-key/regenerate with the global API key replaces it';
  return new AppError('invalid_settings', `Cannot do this with the primary API key: ${advice}`, { facts: { pointer: '' } });
}

/** The refusal of an id that no key of the scope has. */
export function keyNotFound(): AppError {
  return new AppError('api_key_not_found', 'There is no such API key here');
}

/** A caller cannot give, change or take what it does not have. */
function requireWithin(permissions: ApiKeyEntry['permissions'], { rights }: KeyCaller): void {
  if ((rightsOf(permissions) & ~rights) === 0) return;
  const message = `Cannot do this with this API key: it needs ${namePermissions(permissions)} itself`;
  throw new AppError('forbidden', message, { facts: { permissions } });
}

/**
 * Checks that the list has room for one more key.
 *
 * @throws {AppError} `too_many_api_keys`
 */
export function requireRoom({ keyring }: Pick<ProjectServices, 'keyring'>, scope: AccessScope): void {
  const nowMs = keyring.nowMs();
  const live = scope.entries.filter((entry) => expiryOf(entry) > nowMs).length;
  if (live < LIVE_KEYS_MAX) return;
  const message = `Cannot make another API key: there are ${live} that have not expired; remove one first`;
  throw new AppError('too_many_api_keys', message, { facts: { limit: LIVE_KEYS_MAX } });
}

function nameOf({ scope }: AccessScope): string {
  return scope.kind === 'global' ? 'default' : scope.project;
}

function textOf(timeMs: number | null): string | null {
  return timeMs === null ? null : isoTime(timeMs);
}
