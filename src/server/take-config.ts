/**
 * Takes the configuration over once the port is open: hashes typed API keys, makes missing ones, and fills the keyring.
 */
import { Keyring, listedPlace, nameScope } from '../auth/keyring.js';
import type { TypedKeyMemory } from '../auth/known-keys.js';
import type { Logger } from '../base/logger.js';
import { adoptKeys, type TypedKey } from '../config/adopt-keys.js';
import { listedKeyOf } from '../config/api-key-entries.js';
import type { Announcer } from '../config/announcer.js';
import { ConfigError } from '../config/config-error.js';
import { ConfigFile } from '../config/config-file.js';
import { FIRST_PROJECT_ID } from '../config/first-config.js';
import type { LoadedConfig } from '../config/load-config.js';
import type { StartSource } from '../config/start-source.js';
import { reportUnshownKey } from '../projects/project-entries.js';

/** The configuration file, and the API keys that a person had typed into it. */
interface TakenConfig {
  readonly config: ConfigFile;
  readonly typed: readonly TypedKey[];
}

/** What taking a configuration over needs. */
interface TakingParts {
  /** The open file; undefined if the configuration is to be created. */
  readonly found: ConfigFile | undefined;
  readonly announcer: Announcer;
  readonly logger: Logger;
  /** The server's URL, for the announcement of a first run. */
  readonly url: string;
}

/**
 * Shows API keys before the file with their hashes is written. After a crash in between, the next startup shows others.
 *
 * @throws {ConfigError} if API keys were generated and the file cannot be replaced
 */
export async function takeConfig(source: StartSource, parts: TakingParts): Promise<TakenConfig> {
  const { found, announcer, logger, url } = parts;
  const { loaded, first, options } = source;
  if (first !== undefined) {
    const { globalKey, projectKey, isKeyGiven = false } = first;
    const announce = (): void => {
      if (isKeyGiven) {
        if (projectKey !== undefined) reportUnshownKey(logger, FIRST_PROJECT_ID);
      } else if (projectKey === undefined) announcer.generatedKey({ kind: 'global' }, globalKey);
      else announcer.firstRun({ configPath: source.path, url, project: FIRST_PROJECT_ID, globalKey, projectKey });
    };
    return { config: await ConfigFile.create(source.path, first.document, announce), typed: [] };
  }
  if (loaded === undefined || found === undefined) throw new TypeError('A configuration is either found or made');
  const config = found;
  const adopted = await adoptKeys(loaded.document, options.authentication);
  showGenerated(adopted.generated, { announcer, logger, isShown: options.print_api_keys });
  await saveAdopted({ config, loaded, logger }, adopted);
  return { config, typed: adopted.typed };
}

type AdoptedKeys = Awaited<ReturnType<typeof adoptKeys>>;

/** Shows generated API keys: that of `default` in any case, since it cannot be learned in any other way. */
export function showGenerated(
  generated: AdoptedKeys['generated'], parts: Pick<TakingParts, 'announcer' | 'logger'> & { readonly isShown: boolean },
): void {
  for (const { scope, key } of generated) {
    // The key of a project can be replaced with the global one.
    if (scope.kind === 'global' || parts.isShown) parts.announcer.generatedKey(scope, key);
    else reportUnshownKey(parts.logger, scope.project);
  }
}

/**
 * Writes the hashes of adopted API keys into the file that they were typed into.
 *
 * @throws {ConfigError} if API keys were generated and the file cannot be replaced
 */
export async function saveAdopted(
  { config, loaded, logger }: { readonly config: ConfigFile; readonly loaded: LoadedConfig; readonly logger: Logger },
  adopted: AdoptedKeys,
): Promise<void> {
  if (!adopted.changed) return;
  try {
    await config.update(() => adopted.document);
  } catch (cause) {
    if (adopted.generated.length > 0) {
      const expected = 'a file that can be replaced: API keys were generated, and the next start rejects them unless it has their hashes';
      throw new ConfigError({ pointer: '', expected }, { cause });
    }
    // A typed key also works from a file that is mounted alone; it only stays readable there.
    logger.warn({ err: cause }, 'a typed API key stays in the configuration in plain text, because the file could not be replaced');
    await config.take({ ...loaded, document: adopted.document });
  }
}

/** Makes typed keys known, which costs no derivation now. */
export function learnTyped(known: TypedKeyMemory, typed: readonly TypedKey[]): void {
  for (const { scope, key, hash, isListed } of typed) {
    known.learn(key, { scope: isListed ? listedPlace(scope, hash) : nameScope(scope), hash });
  }
}

/** Makes the keyring, with the API keys that hold for all projects. */
export function keyringFor(config: ConfigFile, knownKeys: TypedKeyMemory): Keyring {
  const keyring = new Keyring({ knownKeys });
  const entry = config.document.default?.authentication;
  const hash = entry?.api_key_hash ?? null;
  if (hash !== null) keyring.setKey({ kind: 'global' }, { hash, plain: entry?.api_key ?? null });
  keyring.setListed({ kind: 'global' }, (entry?.api_keys ?? []).map(listedKeyOf));
  return keyring;
}
