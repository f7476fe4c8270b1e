/**
 * The file beside the configuration in which known typed keys outlive a restart. Whatever is wrong with it costs derivations only:
 * it is read once, warned about and written anew, and a write that fails fails nothing else. Knows nothing of what is in it.
 */
import pLimit from 'p-limit';
import { nameScope } from '../auth/keyring.js';
import { KnownKeys, type HashInForce, type TypedKeyMemory, type ScopedHash } from '../auth/known-keys.js';
import type { Logger } from '../base/logger.js';
import { systemConfigDisk, type KnownKeysDisk } from './config-disk.js';
import type { ConfigDocument } from './config-document.js';
import type { ConfigFile } from './config-file.js';
import { removeLeftovers, withTemporary } from './temporary-file.js';

/** What its name has after that of the configuration. */
export const KNOWN_KEYS_SUFFIX = '.known-keys';

const WRITTEN_ANEW = 'it is written anew when a typed key is recognised';

/** What a {@link KnownKeysFile} works with. */
export interface KnownKeysFileParts {
  /** The configuration that it stands beside, and whose keys are in force. */
  readonly config: Pick<ConfigFile, 'target' | 'document'>;
  readonly logger: Logger;
  /** @default the machine's own disk */
  readonly disk?: KnownKeysDisk;
}

/** The known typed keys of a running server. The caller holds the lock of the data folder. */
export class KnownKeysFile implements TypedKeyMemory {
  /** Absolute path. */
  readonly path: string;
  readonly #keys: KnownKeys;
  readonly #config: KnownKeysFileParts['config'];
  readonly #logger: Logger;
  readonly #disk: KnownKeysDisk;
  readonly #one = pLimit(1);
  /** True until the wanted write begins, which takes along what is learned meanwhile. */
  #isWriteWanted = false;
  /** True after a write that failed, until one succeeds: a folder that cannot be written to is warned about once. */
  #hasFailed = false;

  private constructor({ config, logger, disk = systemConfigDisk }: KnownKeysFileParts, keys: KnownKeys) {
    this.path = pathBeside(config);
    this.#keys = keys;
    this.#config = config;
    this.#logger = logger;
    this.#disk = disk;
  }

  /**
   * Reads the file where there is one, and begins to remove what a crash left beside it. Writes nothing.
   *
   * @returns the keys that are known and in force; none where the file is missing or cannot be used
   */
  static async open(parts: KnownKeysFileParts): Promise<KnownKeysFile> {
    const keys = (await readKeys(pathBeside(parts.config), parts)) ?? new KnownKeys();
    keys.keepBound(hashesOf(parts.config.document));
    const known = new KnownKeysFile(parts, keys);
    // The start does not wait for it; a write does.
    void known.#one(() => removeLeftovers(known.path, known.#disk));
    return known;
  }

  /** {@inheritDoc KnownKeys.recall} */
  recall(presented: string, salt: string, hashInForce: HashInForce): string | undefined {
    return this.#keys.recall(presented, salt, hashInForce);
  }

  /**
   * Takes a key in, and has the file written where it was not known yet. The caller does not wait for the disk.
   *
   * @param place its scope, and the stored text that it was compared with
   * @returns true when it was not known yet
   */
  learn(key: string, place: ScopedHash): boolean {
    const isNew = this.#keys.learn(key, place);
    if (!isNew || this.#isWriteWanted) return isNew;
    this.#isWriteWanted = true;
    void this.#one(() => this.#write());
    return isNew;
  }

  /** Waits for writes that are under way. */
  async close(): Promise<void> {
    await this.#one(() => undefined);
  }

  async #write(): Promise<void> {
    this.#isWriteWanted = false;
    this.#keys.keepBound(hashesOf(this.#config.document));
    try {
      await withTemporary({ target: this.path, text: this.#keys.toText(), disk: this.#disk }, async (temporary, syncFolder) => {
        await this.#disk.rename(temporary, this.path);
        await syncFolder();
      });
      this.#hasFailed = false;
    } catch (error) {
      if (this.#hasFailed) return;
      this.#hasFailed = true;
      const costs = 'no key stops working, and after a restart typed keys wait among unknown ones at their first use';
      this.#logger.warn({ file: this.path, err: error }, `the known typed keys could not be saved: ${costs}`);
    }
  }
}

function pathBeside({ target }: KnownKeysFileParts['config']): string {
  return `${target}${KNOWN_KEYS_SUFFIX}`;
}

async function readKeys(file: string, { logger, disk = systemConfigDisk }: KnownKeysFileParts): Promise<KnownKeys | undefined> {
  try {
    const read = await disk.readWithRights(file);
    if (read === undefined) return undefined;
    if (!read.isPrivate) {
      logger.warn({ file }, `the file of known typed keys is open to other users of this machine and is not used; ${WRITTEN_ANEW}`);
      return undefined;
    }
    const keys = KnownKeys.fromText(read.text);
    if (keys === undefined) {
      logger.warn({ file }, `the file of known typed keys is damaged or of an unknown format and is not used; ${WRITTEN_ANEW}`);
    }
    return keys;
  } catch (error) {
    logger.warn({ file, err: error }, `the file of known typed keys could not be read; ${WRITTEN_ANEW}`);
    return undefined;
  }
}

/** The hashes that the configuration holds, also those of projects that are not served now. */
function hashesOf({ default: global, projects }: ConfigDocument): HashInForce {
  const hashes = new Map(projects.map(({ id, authentication }) => (
    [nameScope({ kind: 'project', project: id }), authentication?.api_key_hash ?? undefined]
  )));
  hashes.set(nameScope({ kind: 'global' }), global?.authentication?.api_key_hash ?? undefined);
  return (scope) => hashes.get(scope);
}
