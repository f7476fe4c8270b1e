/** Reads one key the way the routes do: look the entry up, then load its value. */
import type { LoadedEntry } from '../../src/projections/key-entry.js';
import type { ProjectStore } from '../../src/store/project-store.js';

/**
 * Reads a key.
 *
 * @param store The project's store
 * @param key The key
 * @returns Its entry, undefined if it does not exist; synchronously if the value is in memory
 */
export function readKey({ values, reads }: ProjectStore, key: string): LoadedEntry | undefined | Promise<LoadedEntry> {
  const entry = values.get(key);
  if (entry === undefined) return undefined;
  const value = reads.load(key, entry);
  return typeof value === 'string' ? { ...entry, value } : value.then((text) => ({ ...entry, value: text }));
}
