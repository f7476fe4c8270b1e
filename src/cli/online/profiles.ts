/**
 * Profiles: servers, their projects and API keys under names of the user's choice, in a file that only the user can read.
 */
import { mkdir, open } from 'node:fs/promises';
import { homedir } from 'node:os';
import path from 'node:path';
import { isErrno } from '../../base/app-error.js';
import { isGroup } from '../../base/setting.js';
import { EXIT_CODES } from '../exit-codes.js';
import { writeWhole } from '../output-file.js';
import { ProfileError } from './profile-error.js';
import { jsonFaultText } from './read-value.js';

/** One server. */
export interface Profile {
  readonly url: string;
  /** The project of commands that name none. */
  readonly project?: string;
  /** The API key; at most one of the two. */
  readonly key?: string;
  /** Absolute path of a file with the API key. */
  readonly key_file?: string;
}

/** What the file has. */
interface Profiles {
  /** Name of the profile that commands use that name no server; null: none. */
  readonly default: string | null;
  readonly profiles: Readonly<Record<string, Profile>>;
}

const VERSION = 1;
const FOLDER_MODE = 0o700;
const FILE_MODE = 0o600;
/** Permissions of the group and of others. */
const OTHERS = 0o077;
const MODE_BITS = 0o777;
const OCTAL = 8;
const INDENT = 2;
const NAME_FORM = /^[\w.-]{1,64}$/;
const MEMBERS: readonly string[] = ['url', 'project', 'key', 'key_file'];
const NONE: Profiles = { default: null, profiles: {} };

/** Path of the file: that of the desktop's convention for settings. */
export function profilesPath(): string {
  const { XDG_CONFIG_HOME: named = '' } = process.env;
  // The convention says to ignore a relative path.
  const folder = path.isAbsolute(named) ? named : path.join(homedir(), '.config');
  return path.join(folder, 'simplekv', 'profiles.json');
}

/** Whether a text can name a profile. */
export function isProfileName(name: string): boolean {
  return NAME_FORM.test(name) && name !== '__proto__';
}

/**
 * Reads the profiles; none if there is no file.
 *
 * @throws {ProfileError} when other users may read the file, or it is not as this program writes it
 */
export async function readProfiles(file: string = profilesPath()): Promise<Profiles> {
  const text = await readPrivate(file);
  if (text === undefined) return NONE;
  // The engine's own message would quote the text, and with it an API key.
  const syntaxFault = jsonFaultText(text);
  const parsed: unknown = syntaxFault === undefined ? JSON.parse(text) : undefined;
  const fault = syntaxFault ?? faultOf(parsed);
  if (fault !== undefined) throw new ProfileError(`Cannot use the profiles in "${file}": ${fault}. Correct it, or remove the file`);
  const { default: chosen, profiles } = parsed as Profiles;
  return { default: chosen ?? null, profiles };
}

/**
 * Writes the profiles.
 *
 * @throws {OutputError} when the file cannot be written
 */
export async function writeProfiles(profiles: Profiles, file: string = profilesPath()): Promise<void> {
  await mkdir(path.dirname(file), { recursive: true, mode: FOLDER_MODE });
  const text = `${JSON.stringify({ version: VERSION, ...profiles }, null, INDENT)}\n`;
  await writeWhole(file, (sink) => sink.print(Buffer.from(text)), { mode: FILE_MODE });
}

/** The content; undefined if there is no file. The permissions are those of what is read, even if the name gets another file meanwhile. */
async function readPrivate(file: string): Promise<string | undefined> {
  try {
    const handle = await open(file, 'r');
    try {
      const { mode } = await handle.stat();
      if ((mode & OTHERS) !== 0) {
        const found = (mode & MODE_BITS).toString(OCTAL).padStart(OCTAL / 2, '0');
        const advice = `Run: chmod 600 "${file}"`;
        throw new ProfileError(`Cannot use the profiles in "${file}": other users have access to it (mode ${found}). ${advice}`);
      }
      return await handle.readFile('utf8');
    } finally {
      await handle.close();
    }
  } catch (error) {
    if (isErrno(error, 'ENOENT', 'ENOTDIR')) return undefined;
    if (!isErrno(error)) throw error;
    throw new ProfileError(`Cannot read the profiles in "${file}": ${error.message}`, EXIT_CODES.noPermission);
  }
}

function faultOf(parsed: unknown): string | undefined {
  if (!isGroup(parsed)) return 'it is not an object';
  const { version, default: chosen = null, profiles } = parsed;
  if (version !== VERSION) return `its version is ${JSON.stringify(version)}, and this program knows version ${VERSION}`;
  if (!isGroup(profiles)) return 'it has no object "profiles"';
  for (const [name, profile] of Object.entries(profiles)) {
    const where = `the profile ${JSON.stringify(name)}`;
    if (!isProfileName(name)) return `${where} has no name that can be used`;
    if (!isGroup(profile) || typeof profile['url'] !== 'string') return `${where} has no "url"`;
    const odd = Object.entries(profile).find(([member, value]) => !MEMBERS.includes(member) || typeof value !== 'string');
    if (odd !== undefined) return `${where} has a member ${JSON.stringify(odd[0])} that is unknown or no text`;
    if (profile['key'] !== undefined && profile['key_file'] !== undefined) return `${where} has both "key" and "key_file"`;
  }
  if (chosen === null || (typeof chosen === 'string' && Object.hasOwn(profiles, chosen))) return undefined;
  return `its default ${JSON.stringify(chosen)} is no profile in it`;
}
