/**
 * The file beside the configuration that keeps the known typed keys across restarts. A fault of it costs derivations only: it is read
 * once, and if it cannot be used, a warning is logged and it is rewritten; a failed write fails nothing else.
 */
import pLimit from 'p-limit';
import { listedPlace, nameScope } from '../auth/keyring.js';
import { KnownKeys, type HashInForce, type TypedKeyMemory, type ScopedHash } from '../auth/known-keys.js';
import type { Logger } from '../base/logger.js';
import { keysIn } from './check-config.js';
import { systemConfigDisk, type KnownKeysDisk } from './config-disk.js';
import type { ConfigDocument } from './config-document.js';
import type { ConfigFile } from './config-file.js';
import { removeLeftovers, withTemporary } from './temporary-file.js';

/** Appended to the name of the configuration. */
export const KNOWN_KEYS_SUFFIX = '.known-keys';

const REWRITTEN = 'it is rewritten when a typed key is recognised';

/** The configuration that the file lies beside, with the current API keys. */
type Config = Pick<ConfigFile, 'target' | 'document'>;

/** The known typed keys of a running server, which holds the lock of the data folder. */
export class KnownKeysFile implements TypedKeyMemory {
  /** Absolute path. */
  readonly path: string;
  readonly #keys: KnownKeys;
  readonly #config: Config;
  readonly #logger: Logger;
  readonly #disk: KnownKeysDisk;
  readonly #one = pLimit(1);
  /** True while a write is queued, which will include the keys learned until it starts. */
  #isWriteQueued = false;
  /** True from a failed write until a successful one: a folder that cannot be written to causes one warning. */
  #hasFailed = false;

  private constructor(config: Config, keys: KnownKeys, logger: Logger, disk: KnownKeysDisk) {
    this.path = pathBeside(config);
    this.#keys = keys;
    this.#config = config;
    this.#logger = logger;
    this.#disk = disk;
  }

  /**
   * Reads the file if it exists, and starts to remove the temporary files of a crash. Writes nothing.
   *
   * @returns the known keys that are still current; none if the file is missing or cannot be used
   */
  static async open(config: Config, logger: Logger, disk: KnownKeysDisk = systemConfigDisk): Promise<KnownKeysFile> {
    const keys = (await readKeys(pathBeside(config), logger, disk)) ?? new KnownKeys();
    keys.keepBound(hashesOf(config.document));
    const known = new KnownKeysFile(config, keys, logger, disk);
    // Startup does not wait for it; a write does.
    void known.#one(() => removeLeftovers(known.path, known.#disk));
    return known;
  }

  /** {@inheritDoc KnownKeys.recall} */
  recall(presented: string, salt: string, hashInForce: HashInForce): string | undefined {
    return this.#keys.recall(presented, salt, hashInForce);
  }

  /**
   * Adds a key, and schedules a write of the file if the key is new. The caller does not wait for the disk.
   *
   * @param place its scope, and the stored hash that it matches
   * @returns true if it is new
   */
  learn(key: string, place: ScopedHash): boolean {
    const isNew = this.#keys.learn(key, place);
    if (!isNew || this.#isWriteQueued) return isNew;
    this.#isWriteQueued = true;
    void this.#one(() => this.#write());
    return isNew;
  }

  /** Waits for queued writes. */
  async close(): Promise<void> {
    await this.#one(() => undefined);
  }

  async #write(): Promise<void> {
    this.#isWriteQueued = false;
    this.#keys.keepBound(hashesOf(this.#config.document));
    try {
      await withTemporary(this.path, this.#keys.toText(), this.#disk, async (temporary, syncFolder) => {
        await this.#disk.rename(temporary, this.path);
        await syncFolder();
      });
      this.#hasFailed = false;
    } catch (error) {
      if (this.#hasFailed) return;
      this.#hasFailed = true;
      const costs = 'every API key still works, but the first use of a typed API key after a restart is as slow as that of an unknown one';
      this.#logger.warn({ file: this.path, err: error }, `the known typed keys could not be saved: ${costs}`);
    }
  }
}

function pathBeside({ target }: Config): string {
  return `${target}${KNOWN_KEYS_SUFFIX}`;
}

async function readKeys(file: string, logger: Logger, disk: KnownKeysDisk): Promise<KnownKeys | undefined> {
  try {
    const read = await disk.readWithRights(file);
    if (read === undefined) return undefined;
    if (!read.isPrivate) {
      logger.warn({ file }, `the file of known typed keys is open to other users of this machine and is not used; ${REWRITTEN}`);
      return undefined;
    }
    const keys = KnownKeys.fromText(read.text);
    if (keys === undefined) {
      logger.warn({ file }, `the file of known typed keys is damaged or of an unknown format and is not used; ${REWRITTEN}`);
    }
    return keys;
  } catch (error) {
    logger.warn({ file, err: error }, `the file of known typed keys could not be read; ${REWRITTEN}`);
    return undefined;
  }
}

/** The hashes in the configuration, including those of projects that are not served. */
function hashesOf(document: ConfigDocument): HashInForce {
  const hashes = new Map(keysIn(document).flatMap(({ scope, entry: { api_key_hash: hash }, listed }) => (
    hash === null ? [] : [[listed === undefined ? nameScope(scope) : listedPlace(scope, hash), hash] as const]
  )));
  return (scope) => hashes.get(scope);
}
