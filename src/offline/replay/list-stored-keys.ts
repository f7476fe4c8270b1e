/**
 * Lists the keys of a project from its files, in order. Merges the newest sound snapshot with the lines after it in a scratch folder, so
 * that the memory does not grow with the project.
 */
import { compareUtf8 } from '../../base/compare-utf8.js';
import { readEntries, readIndex } from '../../projections/snapshot/read-generation.js';
import type { LogSource } from './replay-events.js';
import { replayState } from './replay-state.js';

/** Which keys to list, and where to merge them. */
interface KeysOptions extends LogSource {
  /** Keys that begin with it. */
  readonly prefix: string;
  /** Keys from this one on, in their order. @default all */
  readonly start?: string;
  readonly hasValues: boolean;
  /** The folder to merge in, absolute; must exist, outside the data folder. */
  readonly scratchFolder: string;
}

/** A key with its version, and its value if that was asked for. */
export interface ListedKey {
  readonly key: string;
  /** Version: the seq of its last change. */
  readonly seq: number;
  /** Time of that change, in milliseconds since 1970. */
  readonly timeMs: number;
  /** The value's JSON text, token for token; absent unless asked for. */
  readonly value?: string;
}

/**
 * Lists the keys as they are after the last line of the log.
 *
 * @returns keys in groups, ascending by their UTF-8 bytes
 * @throws {OutOfReachError} when the beginning of the log is gone and no snapshot covers it
 * @throws {LogCorruptError} when a line is damaged
 */
export async function* listStoredKeys(options: KeysOptions): AsyncGenerator<readonly ListedKey[]> {
  const { disk, dataFolder, project, prefix, start = '', hasValues, scratchFolder, signal } = options;
  const { generation } = await replayState({ disk, dataFolder, project, until: undefined, scratchFolder, signal });
  const source = { disk, folder: scratchFolder, manifest: generation, signal };
  const groups: AsyncIterable<readonly ListedKey[]> = hasValues ? readEntries(source) : readIndex(source);
  for await (const group of groups) {
    const wanted = group.filter(({ key }) => key.startsWith(prefix) && compareUtf8(key, start) >= 0);
    if (wanted.length > 0) yield wanted;
  }
}
