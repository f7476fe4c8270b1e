/**
 * Folders of keys: what is in front of a `/` or a `:`.
 */

/** The folder of a key below a prefix, which the folder includes; null for a key that is in none. */
export function folderOf(key: string, prefix: string): string | null {
  const end = key.slice(prefix.length).search(/[/:]/);
  return end < 0 ? null : key.slice(0, prefix.length + end + 1);
}

/** A folder and the folders that it is in, the outermost first; what follows the last separator is left out. */
export function pathOf(prefix: string): readonly string[] {
  return [...prefix.matchAll(/[/:]/g)].map(({ index }) => prefix.slice(0, index + 1));
}

/** The folder that a folder, or a prefix that is none, is in. */
export function parentOf(prefix: string): string {
  return pathOf(prefix.slice(0, -1)).at(-1) ?? '';
}
