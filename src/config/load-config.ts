/**
 * Reads config.json. Any fault of the file ends the startup with a message that locates it; the file is never changed. No fault counts
 * as a missing file: a server with defaults instead would accept no known API key, or everyone.
 */
import { isUtf8 } from 'node:buffer';
import { constants, open, readlink, realpath, stat } from 'node:fs/promises';
import path from 'node:path';
import { isErrno } from '../base/app-error.js';
import { findJsonFault } from '../base/json-fault.js';
import { findRepeatedMember } from '../base/repeated-member.js';
import { checkConfig } from './check-config.js';
import type { ConfigDocument } from './config-document.js';
import { ConfigError, type ConfigFault } from './config-error.js';
import { KNOWN_KEYS_SUFFIX } from './known-keys-file.js';
import { attributed, inForce, type OutsideSetting } from './outside-settings.js';
import { resolveServerOptions, type ServerOptions } from './server-options.js';

/** Largest file that is read: room for a hundred thousand projects. */
export const CONFIG_BYTES_MAX = 67_108_864;

/** Permissions of everyone but the owner. */
const OTHERS_MODE_BITS = 0o077;
const OTHERS_READ_BITS = 0o044;
const PERMISSION_BITS = 0o777;
const BYTE_ORDER_MARK = '\ufeff';
const DATA_FOLDER_POINTER = '/default/storage/persistent_file_path';
const CHECKPOINT_FILE_POINTER = '/default/checkpoints/file';

/** A configuration that was read and checked. */
export interface LoadedConfig {
  /** Absolute path; symbolic links not followed. */
  readonly path: string;
  /** Absolute path of its folder, to which paths in it are relative. */
  readonly folder: string;
  readonly document: ConfigDocument;
  /** The document under the settings from outside. */
  readonly inForce: ConfigDocument;
  /** The content of the file. */
  readonly text: string;
  /** For the server log. */
  readonly warnings: readonly string[];
}

/**
 * Reads and checks a configuration.
 *
 * @param outside settings that override those of the file
 * @returns undefined if there is no such file
 * @throws {ConfigError} for any fault of the file
 */
export async function loadConfig(file: string, outside: readonly OutsideSetting[] = []): Promise<LoadedConfig | undefined> {
  const absolute = path.resolve(file);
  const folder = path.dirname(absolute);
  const read = await readConfig(absolute);
  if (read === undefined) return undefined;
  try {
    const text = decode(read.bytes);
    const document = checkConfig(parse(text, read.bytes));
    const whole = inForce(document, outside);
    await checkPlaces(absolute, resolveServerOptions(whole, folder));
    return { path: absolute, folder, document, inForce: whole, text, warnings: warningsFor(absolute, read.mode) };
  } catch (error) {
    const named = attributed(error, outside);
    throw named instanceof ConfigError ? named.inFile(absolute) : named;
  }
}

/**
 * Checks the data folder and the file of checkpoints against each other and against the configuration.
 *
 * @param file absolute path of the configuration, which may not exist yet
 * @throws {ConfigError} if one is in the place of another
 */
export async function checkPlaces(file: string, { dataFolder, checkpoints }: ServerOptions): Promise<void> {
  const [realFolder, realFile] = await Promise.all([realpath(path.dirname(file)), realpath(file).catch(() => file)]);
  const realDataFolder = await realpathOfFuture(dataFolder);
  checkDataFolder(realDataFolder, [realFolder, path.dirname(realFile)]);
  if (checkpoints !== null) await checkCheckpointFile(checkpoints.file, realDataFolder, realFile);
}

/**
 * Refuses a data folder in which the snapshot of a project could get the name of the configuration.
 *
 * @param dataFolder the folder of all logs, symbolic links followed
 * @param configFolders the folder of the configuration and that of the file it links to, symbolic links followed
 * @throws {ConfigError} when it is one of them
 */
export function checkDataFolder(dataFolder: string, configFolders: readonly string[]): void {
  if (!configFolders.includes(dataFolder)) return;
  const expected = 'another folder than that of the configuration: a project named "config" would overwrite it';
  throw new ConfigError({ pointer: DATA_FOLDER_POINTER, found: JSON.stringify(dataFolder), expected });
}

/**
 * Refuses a file that another part of the server writes, one that would be lost together with the logs that it is to prove, and what is no
 * file: lines in a pipe prove nothing later.
 */
async function checkCheckpointFile(file: string, dataFolder: string, configFile: string): Promise<void> {
  // A disk that is not there now may come later: only the writing needs it.
  const real = await realpathOfFuture(file).catch(() => file);
  const fault = { pointer: CHECKPOINT_FILE_POINTER, found: JSON.stringify(file) };
  const inside = path.relative(dataFolder, real);
  if (inside !== '..' && !inside.startsWith(`..${path.sep}`)) {
    const expected = 'a file outside the data folder: it proves the logs there only if it is kept elsewhere, best on another disk';
    throw new ConfigError({ ...fault, expected });
  }
  if ([configFile, configFile + KNOWN_KEYS_SUFFIX].includes(real)) {
    throw new ConfigError({ ...fault, expected: 'another file than those of the configuration' });
  }
  const status = await stat(real).catch(() => undefined);
  if (status?.isFile() === false) throw new ConfigError({ ...fault, expected: 'a file, or a name for one, not a folder, pipe or device' });
}

interface ReadFile {
  readonly bytes: Buffer;
  readonly mode: number;
}

async function readConfig(file: string): Promise<ReadFile | undefined> {
  const refuse = (fault: ConfigFault, cause?: unknown): ConfigError => new ConfigError(fault, { file, cause });
  try {
    // Non-blocking, because opening a pipe without a writer would wait indefinitely.
    const handle = await open(file, constants.O_RDONLY | constants.O_NONBLOCK);
    try {
      const status = await handle.stat();
      if (!status.isFile()) throw refuse({ pointer: '', expected: 'a file' });
      if (status.size > CONFIG_BYTES_MAX) throw refuse({ pointer: '', expected: `at most ${CONFIG_BYTES_MAX} bytes long` });
      return { bytes: await handle.readFile(), mode: status.mode };
    } finally {
      await handle.close();
    }
  } catch (error) {
    if (isErrno(error, 'ENOENT')) return await refuseDangling(file);
    if (!isErrno(error)) throw error;
    throw refuse({ pointer: '', expected: `a file that can be read, but the system reports ${error.code ?? 'an error'}` }, error);
  }
}

/** A dangling link is not a missing configuration: the volume of its target may not be mounted. */
async function refuseDangling(file: string): Promise<undefined> {
  const target = await readlink(file).catch(() => undefined);
  if (target === undefined) return undefined;
  const expected = `a file, but it is a symbolic link to ${JSON.stringify(target)}, which does not exist: is the volume mounted?`;
  throw new ConfigError({ pointer: '', expected }, { file });
}

function decode(bytes: Buffer): string {
  if (bytes.length === 0) throw new ConfigError({ pointer: '', expected: 'a configuration, but the file is empty' });
  if (!isUtf8(bytes)) throw new ConfigError({ pointer: '', expected: 'UTF-8' });
  const text = bytes.toString('utf8');
  if (text.startsWith(BYTE_ORDER_MARK)) throw new ConfigError({ pointer: '', expected: 'UTF-8 without a byte order mark' });
  return text;
}

/** The engine's own message is not used: it quotes the text, which may contain an API key. */
function parse(text: string, bytes: Buffer): unknown {
  let document: unknown;
  try {
    document = JSON.parse(text) as unknown;
  } catch {
    const fault = findJsonFault(bytes);
    const place = fault === undefined ? '' : `; line ${fault.line}, column ${fault.column}: expected ${fault.expected}`;
    throw new ConfigError({ pointer: '', expected: `JSON${place}` });
  }
  // The parser drops all but the last: a second "projects" would hide every project of the first.
  const repeated = findRepeatedMember(text);
  if (repeated !== undefined) throw new ConfigError({ pointer: repeated, expected: 'the only member of its name' });
  return document;
}

function warningsFor(file: string, mode: number): readonly string[] {
  if ((mode & OTHERS_MODE_BITS) === 0) return [];
  const octal = (mode & PERMISSION_BITS).toString(8).padStart(4, '0');
  const what = (mode & OTHERS_READ_BITS) === 0 ? 'changed' : 'read';
  return [`The configuration ${JSON.stringify(file)} can be ${what} by other users of this machine (mode ${octal}): run chmod 600 on it`];
}

/** Follows the symbolic links in the part of a path that exists. */
async function realpathOfFuture(target: string): Promise<string> {
  const missing: string[] = [];
  for (let present = target; ; present = path.dirname(present)) {
    try {
      return path.join(await realpath(present), ...missing);
    } catch (error) {
      const parent = path.dirname(present);
      if (!isErrno(error, 'ENOENT') || parent === present) {
        const expected = `a folder that can be used, but the system reports ${(isErrno(error) ? error.code : undefined) ?? 'an error'}`;
        throw new ConfigError({ pointer: DATA_FOLDER_POINTER, found: JSON.stringify(target), expected }, { cause: error });
      }
      missing.unshift(path.basename(present));
    }
  }
}
