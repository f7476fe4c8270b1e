/**
 * The file with the global API key of a first run: a secret that a container or an init system provides. Later runs do not read it.
 */
import { API_KEY_CHARACTERS_MAX, isGeneratedKey, looksGenerated } from '../auth/api-key.js';
import { isErrno } from '../base/app-error.js';
import { readLimited } from '../base/read-limited.js';
import { TYPED_KEY_CHARACTERS_MIN } from './config-document.js';
import { ConfigError } from './config-error.js';

/** More than the longest API key, with blanks around it. */
const READ_BYTES_MAX = 4096;

/** Where the key is. */
export interface GlobalKeySource {
  readonly file: string;
  /** The variable or the option that names the file. */
  readonly source: string;
}

/**
 * Reads the key. Spaces and line feeds around it do not belong to it.
 *
 * @throws {ConfigError} if the file cannot be read or holds no API key
 */
export async function readGlobalKey({ file, source }: GlobalKeySource): Promise<string> {
  const refuse = (expected: string, cause?: unknown): ConfigError => (
    new ConfigError({ pointer: '', found: JSON.stringify(file), expected }, { source, cause })
  );
  let key: string;
  try {
    // It may be a pipe, as from a shell that asks a password manager. One that is too long is no API key.
    key = (await readLimited(file, READ_BYTES_MAX))?.toString().trim() ?? '';
  } catch (cause) {
    if (!isErrno(cause)) throw cause;
    throw refuse(`a file that can be read, but the system reports ${cause.code ?? 'an error'}`, cause);
  }
  const isUsable = /^[!-~]*$/.test(key) && key.length >= TYPED_KEY_CHARACTERS_MIN && key.length <= API_KEY_CHARACTERS_MAX;
  if (!isUsable) {
    const range = `${TYPED_KEY_CHARACTERS_MIN} to ${API_KEY_CHARACTERS_MAX} visible ASCII characters without blanks`;
    throw refuse(`a file with one API key: ${range}`);
  }
  if (looksGenerated(key) && !isGeneratedKey(key)) {
    throw refuse('a file with a complete API key: its checksum does not match, so a character was lost or changed in copying');
  }
  return key;
}
