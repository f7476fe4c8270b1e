/**
 * The files of the page that shows the document of the API. The build puts them beside the bundle.
 */
import { existsSync } from 'node:fs';
import { readFile } from 'node:fs/promises';

/** From this module in the bundle, and from it as it was compiled. */
const FOLDERS = [new URL('docs/', import.meta.url), new URL('../../bin/docs/', import.meta.url)];

/**
 * Reads a file.
 *
 * @throws {Error} from the file system, through the promise
 */
export async function readDocsFile(name: string): Promise<string> {
  const folder = FOLDERS.find((one) => existsSync(new URL(name, one))) ?? FOLDERS[0];
  return await readFile(new URL(name, folder), 'utf8');
}
