/**
 * The configuration of a first run: one project, its API key and a global one. Writes nothing.
 */
import { generateApiKey } from '../auth/api-key.js';
import { hashApiKey, hashGenerated } from '../auth/key-hash.js';
import { randomSalt } from '../base/random-id.js';
import { BUILT_IN_AUTHENTICATION, BUILT_IN_STORAGE } from '../events/project-settings.js';
import { type AuthenticationEntry, CONFIG_VERSION, type ConfigDocument } from './config-document.js';
import { DEFAULT_STORAGE_SETTINGS, SERVER_SETTINGS } from './settings-table.js';

/** The project that a first run creates. */
export const FIRST_PROJECT_ID = 'first_project';

/** A document, and the API keys whose hashes it has. */
export interface FirstConfig {
  readonly document: ConfigDocument;
  readonly globalKey: string;
  /** Absent if the document has no project. */
  readonly projectKey?: string;
  /** True if the global key was given, so that no key is to be shown. @default false */
  readonly isKeyGiven?: boolean;
}

function authenticationFor(key: string): AuthenticationEntry {
  return { ...BUILT_IN_AUTHENTICATION, api_key: null, api_key_hash: hashGenerated(key) };
}

/**
 * Puts a given global key in the place of the generated one.
 *
 * @param key 8 to 512 visible ASCII characters
 */
export async function withGlobalKey<T extends FirstConfig>(first: T, key: string): Promise<T> {
  const { document } = first;
  const authentication = { ...document.default?.authentication, api_key_hash: await hashApiKey(key, randomSalt()) };
  return { ...first, document: { ...document, default: { ...document.default, authentication } }, globalKey: key, isKeyGiven: true };
}

/** Creates the configuration of a first run, with new API keys each time. */
export function firstConfig(): FirstConfig & { readonly projectKey: string } {
  const projectKey = generateApiKey('project');
  const { on_disk, cache_in_memory } = BUILT_IN_STORAGE;
  const { document, globalKey } = configWithoutProjects();
  const project = { id: FIRST_PROJECT_ID, storage: { on_disk, cache_in_memory }, authentication: authenticationFor(projectKey) };
  return { document: { ...document, projects: [project] }, globalKey, projectKey };
}

/** Creates a configuration for a data folder whose configuration was lost. Its projects get their entries later. */
export function configWithoutProjects(): FirstConfig {
  const globalKey = generateApiKey('global');
  const document: ConfigDocument = {
    version: CONFIG_VERSION,
    server_port: SERVER_SETTINGS.server_port.default,
    default: {
      storage: { persistent_file_path: DEFAULT_STORAGE_SETTINGS.persistent_file_path.default },
      authentication: authenticationFor(globalKey),
    },
    projects: [],
  };
  return { document, globalKey };
}
