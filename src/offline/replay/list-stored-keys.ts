/**
 * Lists the keys of a project from its files, in order. Merges the newest sound snapshot with the lines after it in a scratch folder, so
 * that the memory does not grow with the project.
 */
import { compareUtf8 } from '../../base/compare-utf8.js';
import { readEntries, readIndex } from '../../projections/snapshot/read-generation.js';
import type { Moment } from './moment.js';
import type { LogSource } from './replay-events.js';
import { type ReplayedState, replayState } from './replay-state.js';

/** Which keys to list, and where to merge them. */
interface KeysOptions extends LogSource {
  /** Keys that begin with it. */
  readonly prefix: string;
  /** Keys from this one on, in their order. @default all */
  readonly start?: string;
  readonly hasValues: boolean;
  /** The moment; undefined: after the last line. */
  readonly at?: Moment | undefined;
  /** The folder to merge in, absolute; must exist, outside the data folder. */
  readonly scratchFolder: string;
  /** Called before the keys if values of then were erased since, with their number: `null` stands for each. */
  readonly onErased?: (count: number) => void;
}

/** A key with its version, and its value if that was asked for. */
export interface ListedKey {
  readonly key: string;
  /** Version: the seq of its last change. */
  readonly seq: number;
  /** Time of that change, in milliseconds since 1970. */
  readonly timeMs: number;
  /** When it expires, in milliseconds since 1970; null for never. */
  readonly expiresAtMs: number | null;
  /** The value's JSON text, token for token; absent unless asked for. */
  readonly value?: string;
}

/**
 * Lists the keys of a state, with their values.
 *
 * @returns keys in groups, ascending by their UTF-8 bytes
 */
export async function* keysOfState(
  { disk, scratchFolder, signal }: Pick<KeysOptions, 'disk' | 'scratchFolder' | 'signal'>, { generation }: ReplayedState,
): AsyncGenerator<readonly ListedKey[]> {
  yield* readEntries({ disk, folder: scratchFolder, manifest: generation, signal });
}

/**
 * Lists the keys as they are after the last line of the log: those that have expired are among them until a line removes them. At an
 * earlier moment, those that had expired by the time of its last line are left out, as by a server.
 *
 * @returns keys in groups, ascending by their UTF-8 bytes
 * @throws {OutOfReachError} when the beginning of the log is gone and no snapshot covers it
 * @throws {LogCorruptError} when a line is damaged
 */
export async function* listStoredKeys(options: KeysOptions): AsyncGenerator<readonly ListedKey[]> {
  const { disk, dataFolder, project, prefix, start = '', hasValues, at, scratchFolder, signal } = options;
  const { generation, erasedCount } = await replayState({
    disk, dataFolder, project, until: at, hidesExpired: at !== undefined, scratchFolder, signal,
  });
  if (hasValues && erasedCount > 0) options.onErased?.(erasedCount);
  const source = { disk, folder: scratchFolder, manifest: generation, signal };
  const groups: AsyncIterable<readonly ListedKey[]> = hasValues ? readEntries(source) : readIndex(source);
  for await (const group of groups) {
    const wanted = group.filter(({ key }) => key.startsWith(prefix) && compareUtf8(key, start) >= 0);
    if (wanted.length > 0) yield wanted;
  }
}
