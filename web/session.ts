/**
 * Who uses the UI: the API key, in the memory of the page, what it may do, and the clients that send it. The key goes into
 * `sessionStorage`, which ends with the tab, only if the user asks for that; never anywhere else.
 */
import { signal } from '@preact/signals';
import { isCode, type OwnApiKeyJson, SimpleKv, SimpleKvAdmin } from '../src/client/index.js';
import { messageOf } from './failures.js';

/** What a caller may do, as a word. */
export type Permission = OwnApiKeyJson['permissions'][number];

/** The caller. */
export interface Caller {
  /** Name of the API key. */
  readonly name: string;
  /** The only project that it may use; null: all of them. */
  readonly project: string | null;
  readonly permissions: readonly Permission[];
  /** False without an API key. */
  readonly hasKey: boolean;
  /** RFC 3339; null: never. */
  readonly expiresAt: string | null;
}

const STORED_KEY = 'simplekv.api-key';
const OPEN_PERMISSIONS: readonly Permission[] = ['history', 'read', 'write'];

/** The server, with the path that a proxy may have put in front. */
export const serverUrl = `${location.origin}${location.pathname.replace(/\/ui\/.*$/, '')}`;

/** The caller; null until one has come in. */
export const caller = signal<Caller | null>(null);
/** Why the last caller had to leave; null if there is nothing to say. */
export const farewell = signal<string | null>(null);

let apiKey: string | undefined;
let adminClient = new SimpleKvAdmin({ url: serverUrl });
/** Clients by project. Values are shown as they are stored, so they are never parsed. */
const clients = new Map<string, SimpleKv>();

/** The client of the server. */
export function admin(): SimpleKvAdmin {
  return adminClient;
}

/** The client of a project. */
export function projectClient(project: string): SimpleKv {
  let client = clients.get(project);
  if (client === undefined) {
    client = new SimpleKv({ url: serverUrl, project, parse: (text) => text, ...(apiKey === undefined ? {} : { key: apiKey }) });
    clients.set(project, client);
  }
  return client;
}

/** Whether the caller may do something with projects that it can reach. */
export function may(permission: Permission): boolean {
  const permissions = caller.value?.permissions ?? [];
  return permissions.includes('all') || permissions.includes(permission);
}

/** Whether the caller may do everything on the server. */
export function isGlobal(): boolean {
  return caller.value?.project === null && may('all');
}

/** Whether there is a list of projects for the caller. */
export function mayListProjects(): boolean {
  return caller.value?.project === null && may('read');
}

/**
 * Lets a caller in.
 *
 * @param key the API key; undefined for none
 * @param project without a key, the open project; undefined if all are open
 * @param keeps whether the tab keeps the key
 * @throws {SimpleKvError}
 */
export async function enter(
  key: string | undefined, { project, keeps = false }: { readonly project?: string; readonly keeps?: boolean } = {},
): Promise<void> {
  leave(null);
  apiKey = key;
  adminClient = new SimpleKvAdmin({ url: serverUrl, ...(key === undefined ? {} : { key }) });
  if (key === undefined) {
    caller.value = await anonymousCaller(project);
    return;
  }
  const own = await adminClient.apiKeys.self(null);
  if (keeps) sessionStorage.setItem(STORED_KEY, key);
  caller.value = { name: own.name, project: own.project, permissions: own.permissions, hasKey: true, expiresAt: own.expires_at };
}

async function anonymousCaller(project: string | undefined): Promise<Caller> {
  const anonymous = { name: 'no API key', hasKey: false, expiresAt: null };
  if (project === undefined) {
    await adminClient.projects.list();
    return { ...anonymous, project: null, permissions: ['all'] };
  }
  await projectClient(project).details();
  return { ...anonymous, project, permissions: OPEN_PERMISSIONS };
}

/** Lets the caller in whose key the tab has kept, if there is one. */
export async function enterAgain(): Promise<void> {
  const key = sessionStorage.getItem(STORED_KEY);
  if (key === null) return;
  try {
    await enter(key, { keeps: true });
  } catch (error) {
    // A server that does not answer says nothing about the key.
    if (!isCode(error, 'unauthorized')) sessionStorage.setItem(STORED_KEY, key);
    farewell.value = messageOf(error);
  }
}

/**
 * Ends the session: nothing of the key is left.
 *
 * @param reason what to say about it; null for nothing
 */
export function leave(reason: string | null): void {
  sessionStorage.removeItem(STORED_KEY);
  apiKey = undefined;
  clients.clear();
  caller.value = null;
  farewell.value = reason;
}
