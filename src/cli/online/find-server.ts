/**
 * Finds the server that a command asks, the project, and the API key: options first, then the environment, then a profile. The API key
 * never comes from the command line, where every user of the machine could read it.
 */
import path from 'node:path';
import { isErrno } from '../../base/app-error.js';
import { readLimited } from '../../base/read-limited.js';
import { UsageError } from '../exit-codes.js';
import type { FolderOptions } from '../run-command.js';
import { type Profile, profilesPath, readProfiles } from './profiles.js';

/** The options that name a server. */
export interface RemoteOptions {
  readonly url?: string;
  readonly keyFile?: string;
  readonly profile?: string;
  readonly project?: string;
}

/** A server, and what a command asks it with. */
export interface FoundServer {
  readonly url: string;
  readonly key: string | undefined;
  /** The project, if one is named. */
  readonly project: string | undefined;
  /** What named the server, for people. */
  readonly namedBy: string;
}

/** More than the longest API key, with blanks around it. */
const KEY_BYTES_MAX = 4096;

/** The variables of the environment. */
export const VARIABLES = {
  url: 'SIMPLEKV_URL', project: 'SIMPLEKV_PROJECT', key: 'SIMPLEKV_KEY', keyFile: 'SIMPLEKV_KEY_FILE', profile: 'SIMPLEKV_PROFILE',
} as const;

/**
 * Finds the server of a command that needs none, because it can work on files.
 *
 * @returns undefined if the command works on files: they are named, or no server is
 * @throws {UsageError} when both are named, or the URL or the API key cannot be used
 * @throws {ProfileError} when the profiles cannot be used
 */
export async function findServerUnlessFiles(options: FolderOptions & RemoteOptions): Promise<FoundServer | undefined> {
  const { config, data, url, keyFile, profile } = options;
  if (config === undefined && data === undefined) return await findServer(options);
  const serverOption = url !== undefined ? '--url' : profile !== undefined ? '--profile' : keyFile !== undefined ? '--key-file' : undefined;
  if (serverOption === undefined) return undefined;
  const filesOption = data === undefined ? '--config' : '--data';
  throw new UsageError(`Cannot use ${serverOption} with ${filesOption}: one asks a server, the other reads files. Omit one of them`);
}

/**
 * Finds the server.
 *
 * @returns undefined if none is named
 * @throws {UsageError} when the options contradict each other, or the URL or the API key cannot be used
 * @throws {ProfileError} when the profiles cannot be used
 */
export async function findServer(options: RemoteOptions): Promise<FoundServer | undefined> {
  const env = namedVariables();
  const url = options.url ?? env[VARIABLES.url];
  if (options.profile !== undefined && url !== undefined) {
    const other = options.url === undefined ? VARIABLES.url : '--url';
    throw new UsageError(`Cannot use --profile with ${other}, which names a server too. Omit one of them`);
  }
  const chosen = url === undefined ? await findProfile(options.profile ?? env[VARIABLES.profile]) : undefined;
  const named = url ?? chosen?.profile.url;
  if (named === undefined) {
    if (options.keyFile !== undefined) throw new UsageError('Use --key-file only with --url or --profile');
    return undefined;
  }
  return {
    url: checkedUrl(named),
    // An API key of a profile goes to the server of that profile only.
    key: await findKey(options.keyFile, chosen?.profile),
    project: options.project ?? env[VARIABLES.project] ?? chosen?.profile.project,
    namedBy: chosen === undefined ? (options.url === undefined ? VARIABLES.url : '--url') : `the profile "${chosen.name}"`,
  };
}

/** The environment without variables that are empty, which scripts leave where they have nothing to say. */
function namedVariables(): Readonly<Record<string, string | undefined>> {
  return Object.fromEntries(Object.entries(process.env).filter(([, value]) => value !== ''));
}

/** How a server can be named, for messages. */
export function serverAdvice(): string {
  return `name one with --url, ${VARIABLES.url} or --profile`;
}

/** The words with which the command line named the server and the API key, for a command that a message suggests. */
export function serverWords({ url, profile, keyFile }: RemoteOptions): readonly string[] {
  const named = { '--url': url, '--profile': profile, '--key-file': keyFile };
  return Object.entries(named).flatMap(([name, value]) => (value === undefined ? [] : [name, value]));
}

/** How an API key can be given, for messages. */
export function keyAdvice(): string {
  return `Give the API key with --key-file FILE, ${VARIABLES.keyFile}, or ${VARIABLES.key}`;
}

async function findProfile(name: string | undefined): Promise<{ readonly name: string; readonly profile: Profile } | undefined> {
  const { default: standard, profiles } = await readProfiles();
  const chosen = name ?? standard;
  if (chosen === null) return undefined;
  const profile = Object.hasOwn(profiles, chosen) ? profiles[chosen] : undefined;
  if (profile !== undefined) return { name: chosen, profile };
  const known = Object.keys(profiles);
  const list = known.length === 0 ? 'there are no profiles' : `known profiles: ${known.join(', ')}`;
  throw new UsageError(`Cannot use the profile "${chosen}": ${profilesPath()} has no such profile; ${list}`);
}

/**
 * Checks a URL of a server.
 *
 * @returns it, without a slash at its end
 * @throws {UsageError} when it cannot be used
 */
export function checkedUrl(text: string): string {
  const url = URL.canParse(text) ? new URL(text) : undefined;
  const isUsable = url !== undefined && ['http:', 'https:'].includes(url.protocol) && url.search === '' && url.hash === '';
  if (!isUsable) throw new UsageError(`Cannot use "${text}" as the URL of a server: expected something like http://127.0.0.1:23849`);
  if (url.username !== '' || url.password !== '') throw new UsageError('Cannot use a URL with a name or a password in it');
  return `${url.origin}${url.pathname.replace(/\/+$/, '')}`;
}

async function findKey(keyFile: string | undefined, profile: Profile | undefined): Promise<string | undefined> {
  const { env } = process;
  if (keyFile !== undefined) return await readKeyFile(keyFile);
  const key = env[VARIABLES.key];
  if (key !== undefined) return checkedKey(key, VARIABLES.key);
  const file = env[VARIABLES.keyFile] || profile?.key_file;
  if (file !== undefined) return await readKeyFile(file);
  return profile?.key === undefined ? undefined : checkedKey(profile.key, 'the profile');
}

/**
 * Reads an API key from a file, or from standard input.
 *
 * @param file `-` for standard input
 * @throws {UsageError} when it cannot be read or used
 */
export async function readKeyFile(file: string): Promise<string | undefined> {
  try {
    const [input, source] = file === '-' ? [process.stdin, 'standard input'] as const : [file, `"${file}"`] as const;
    const bytes = await readLimited(input, KEY_BYTES_MAX);
    if (bytes === undefined) throw new UsageError(`Cannot use the API key from ${source}: it is longer than any API key`);
    return checkedKey(bytes.toString().trim(), source);
  } catch (error) {
    if (!isErrno(error)) throw error;
    throw new UsageError(`Cannot read the API key from "${file}": ${error.message}`);
  }
}

/** The absolute path of a file that a profile names. */
export function keyFilePath(file: string): string {
  return path.resolve(file);
}

function checkedKey(key: string, source: string): string | undefined {
  if (key === '') return undefined;
  if (/^[!-~]+$/.test(key)) return key;
  throw new UsageError(`Cannot use the API key from ${source}: it has spaces, or characters beyond ASCII`);
}
