/**
 * The version of the program, from package.json.
 */
import { existsSync, readFileSync } from 'node:fs';

/**
 * Reads the version, such as `1.2.3`, from the nearest package.json above this module, whether it is part of the bundle or not.
 *
 * @throws {TypeError} if there is none, or it has no version
 */
export function readPackageVersion(): string {
  for (let folder = new URL('.', import.meta.url); ; folder = new URL('..', folder)) {
    const file = new URL('package.json', folder);
    if (existsSync(file)) return versionIn(readFileSync(file, 'utf8'));
    if (folder.pathname === '/') throw new TypeError('Cannot read the version: there is no package.json above the program');
  }
}

function versionIn(text: string): string {
  const description: unknown = JSON.parse(text);
  if (typeof description === 'object' && description !== null && 'version' in description) return String(description.version);
  throw new TypeError('Cannot read the version: package.json has none');
}
