/**
 * The commands `profile …`: keep servers under names, so that commands need not name them each time.
 */
import { complain } from '../command-output.js';
import { UsageError } from '../exit-codes.js';
import type { RunContext } from '../run-command.js';
import { checkedUrl, keyFilePath, readKeyFile } from './find-server.js';
import { type FormOptions, printList, printObject } from './output-form.js';
import { isProfileName, type Profile, profilesPath, readProfiles, writeProfiles } from './profiles.js';

/** Options of `profile add`. */
export interface AddProfileOptions extends FormOptions {
  readonly url: string;
  readonly project?: string;
  readonly keyFile?: string;
  readonly replace?: boolean;
  readonly use?: boolean;
}

/** Options of `profile use`. */
export interface UseProfileOptions extends FormOptions {
  readonly none?: boolean;
}

/**
 * Adds a profile. The first one is the default.
 *
 * @returns true
 * @throws {UsageError} when the name is taken or cannot be used
 * @throws {ProfileError} when the profiles cannot be used
 */
export async function addProfile(name: string, options: AddProfileOptions, { output }: RunContext): Promise<boolean> {
  const { url, project, keyFile, replace = false, use = false } = options;
  if (!isProfileName(name)) {
    throw new UsageError(`Cannot use "${name}" as the name of a profile: expected letters, digits, ".", "_" and "-"`);
  }
  const { default: standard, profiles } = await readProfiles();
  if (Object.hasOwn(profiles, name) && !replace) {
    throw new UsageError(`Cannot add the profile "${name}": there is one. Choose another name, or add --replace`);
  }
  const profile: Profile = { url: checkedUrl(url), ...(project !== undefined && { project }), ...(await keyMember(keyFile)) };
  const chosen = use || standard === null ? name : standard;
  await writeProfiles({ default: chosen, profiles: { ...profiles, [name]: profile } });
  await printObject(output, options, {
    object: { ...shown(name, profile), default: chosen === name },
    text: () => `${name}: ${profile.url}${chosen === name ? ', used by commands that name no server' : ''}\n`,
  });
  return true;
}

/** A key from standard input is kept in the profile; a file is only named, so that its content can change. */
async function keyMember(keyFile: string | undefined): Promise<Pick<Profile, 'key' | 'key_file'>> {
  if (keyFile === undefined) return {};
  const key = await readKeyFile(keyFile);
  const source = keyFile === '-' ? 'standard input' : `"${keyFile}"`;
  if (key === undefined) throw new UsageError(`Cannot use the API key from ${source}: it is empty`);
  return keyFile === '-' ? { key } : { key_file: keyFilePath(keyFile) };
}

/** What is shown of a profile: never its API key. */
function shown(name: string, { url, project, key, key_file: file }: Profile): Readonly<Record<string, unknown>> {
  return { name, url, project: project ?? null, key: file ?? (key === undefined ? null : 'in the profile') };
}

/**
 * Lists the profiles, without API keys.
 *
 * @returns true
 * @throws {ProfileError} when the profiles cannot be used
 */
export async function listProfiles(options: FormOptions, { output }: RunContext): Promise<boolean> {
  const { default: standard, profiles } = await readProfiles();
  const items = Object.entries(profiles).map(([name, profile]) => ({ ...shown(name, profile), default: name === standard }));
  await printList(output, options, {
    document: { file: profilesPath(), default: standard, profiles: items }, items,
    heading: ['PROFILE', 'URL', 'PROJECT', 'API KEY', 'DEFAULT'],
    rows: Object.entries(profiles).map(([name, { url, project, key, key_file: file }]) => [
      name, url, project ?? '-', file ?? (key === undefined ? '-' : 'in the profile'), name === standard ? 'yes' : '',
    ]),
  });
  return true;
}

/**
 * Makes a profile the default, or none.
 *
 * @param name undefined: none
 * @returns true
 * @throws {UsageError} when there is no such profile
 * @throws {ProfileError} when the profiles cannot be used
 */
export async function useProfile(
  name: string | undefined, options: UseProfileOptions, { output }: RunContext,
): Promise<boolean> {
  if ((name === undefined) !== (options.none === true)) throw new UsageError('Cannot tell which profile: give its name, or --none');
  const { profiles } = await readProfiles();
  if (name !== undefined) checkKnown(name, profiles);
  await writeProfiles({ default: name ?? null, profiles });
  await printObject(output, options, {
    object: { default: name ?? null }, text: () => `${name ?? 'no profile'}: used by commands that name no server\n`,
  });
  return true;
}

/**
 * Removes a profile.
 *
 * @returns true
 * @throws {UsageError} when there is no such profile
 * @throws {ProfileError} when the profiles cannot be used
 */
export async function removeProfile(name: string, options: FormOptions, { output }: RunContext): Promise<boolean> {
  const { default: standard, profiles } = await readProfiles();
  checkKnown(name, profiles);
  const { [name]: _, ...others } = profiles;
  const left = standard === name ? null : standard;
  await writeProfiles({ default: left, profiles: others });
  await printObject(output, options, { object: { name, removed: true, default: left }, text: () => `${name}: removed\n` });
  if (standard === name && Object.keys(others).length > 0) complain('it was the default; choose another one with profile use');
  return true;
}

function checkKnown(name: string, profiles: Readonly<Record<string, Profile>>): void {
  if (!Object.hasOwn(profiles, name)) throw new UsageError(`Cannot find the profile "${name}" in "${profilesPath()}"`);
}
