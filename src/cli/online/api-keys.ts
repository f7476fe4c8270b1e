/**
 * The commands `keys …`: list, make, replace and revoke the API keys of a project, or those that hold for all projects.
 */
import type { Permission } from '../../api/permissions.js';
import type { ApiKeyJson } from '../../api/types.js';
import { complain } from '../command-output.js';
import { UsageError } from '../exit-codes.js';
import { Remote, type RemoteOptions } from '../remote.js';
import type { RunContext } from '../run-command.js';
import { confirm } from './confirm.js';
import { parseDuration } from './duration.js';
import { type FormOptions, printList, printObject } from './output-form.js';
import { factsText } from './table.js';

/** Options of all of them. */
export interface KeysOptions extends RemoteOptions, FormOptions {
  readonly global?: boolean;
}

/** Options of `create`. */
export interface CreateKeyOptions extends KeysOptions {
  readonly permissions: string;
  readonly ttl?: string;
  readonly expiresAt?: string;
}

/** The scope of the keys: a project, or null for all of them. */
interface Scope {
  readonly remote: Remote;
  readonly project: string | null;
  readonly name: string;
}

async function scopeOf(verb: string, options: KeysOptions, signal: AbortSignal): Promise<Scope> {
  if (options.global === true && options.project !== undefined) throw new UsageError('Use either --project or --global');
  const remote = await Remote.need(verb, options);
  if (options.global === true) return { remote, project: null, name: 'all projects' };
  const { id } = await remote.project(options.project, signal);
  return { remote, project: id, name: `"${id}"` };
}

/**
 * Lists API keys, never the keys themselves.
 *
 * @returns true
 * @throws {RemoteError} when the server refuses
 */
export async function printApiKeys(options: KeysOptions, { output, signal }: RunContext): Promise<boolean> {
  const { remote, project } = await scopeOf('list API keys', options, signal);
  const keys = await remote.asking(signal, () => remote.admin.apiKeys.list(project, { signal }));
  await printList(output, options, {
    document: { api_keys: keys }, items: keys,
    heading: ['ID', 'NAME', 'PERMISSIONS', 'STATE', 'EXPIRES', 'LAST USED'],
    rows: keys.map((key) => [
      key.id, key.name, key.permissions.join(','), key.state, key.expires_at ?? 'never', key.last_used_at ?? '-',
    ]),
  });
  return true;
}

/**
 * Makes an API key and prints it, which happens only here.
 *
 * @returns true
 * @throws {RemoteError} when the server refuses
 */
export async function makeApiKey(name: string, options: CreateKeyOptions, { output, signal }: RunContext): Promise<boolean> {
  const { permissions, ttl, expiresAt } = options;
  if (ttl !== undefined && expiresAt !== undefined) throw new UsageError('Use either --ttl or --expires-at');
  const seconds = ttl === undefined ? undefined : parseDuration(ttl, '--ttl');
  const { remote, project } = await scopeOf('make an API key', options, signal);
  const made = await remote.asking(signal, () => remote.admin.apiKeys.create(project, {
    name, permissions: permissions.split(',').map((permission) => permission.trim()) as Permission[],
    ...(seconds !== undefined && { ttl_seconds: seconds }), ...(expiresAt !== undefined && { expires_at: expiresAt }),
  }, { signal }));
  await printObject(output, options, { object: made, text: () => newKeyText(made) });
  return true;
}

/**
 * Makes an API key in place of another, and prints it.
 *
 * @returns true
 * @throws {RemoteError} when the server refuses
 */
export async function replaceApiKey(
  id: string, options: KeysOptions & { readonly overlap?: string }, { output, signal }: RunContext,
): Promise<boolean> {
  const overlapSeconds = options.overlap === undefined ? 0 : parseDuration(options.overlap, '--overlap');
  const { remote, project } = await scopeOf('replace an API key', options, signal);
  const made = await remote.asking(signal, () => remote.admin.apiKeys.rotate(project, id, { overlapSeconds, signal }));
  const { previous } = made;
  const end = overlapSeconds === 0 ? 'has stopped' : `works until ${previous.expires_at ?? 'it is revoked'}`;
  await printObject(output, options, { object: made, text: () => `${newKeyText(made)}the previous key ${previous.id} ${end}\n` });
  return true;
}

/**
 * Revokes an API key: it stops at once.
 *
 * @returns false if a person did not confirm it
 * @throws {UsageError} when it has to be confirmed
 * @throws {RemoteError} when the server refuses
 */
export async function revokeApiKey(
  id: string, options: KeysOptions & { readonly yes?: boolean }, { output, signal }: RunContext,
): Promise<boolean> {
  const { remote, project, name } = await scopeOf('revoke an API key', options, signal);
  const question = `Revoke the API key ${id} of ${name} on ${remote.origin}? Whatever uses it stops at once.`;
  if (!(await confirm({ question, yes: options.yes, signal }))) {
    complain('nothing was revoked');
    return false;
  }
  await remote.asking(signal, () => remote.admin.apiKeys.revoke(project, id, { signal }));
  await printObject(output, options, { object: { id, revoked: true }, text: () => `${id}: revoked\n` });
  return true;
}

function newKeyText(key: ApiKeyJson & { readonly api_key: string }): string {
  return factsText([
    ['id', key.id], ['name', key.name], ['permissions', key.permissions.join(',')], ['expires', key.expires_at ?? 'never'],
    ['api key', `${key.api_key} (shown only here)`],
  ]);
}
