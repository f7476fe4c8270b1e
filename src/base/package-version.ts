/**
 * The version of the program, from package.json.
 */
import { readFileSync } from 'node:fs';

/** Relative to the compiled file. */
const PACKAGE_URL = new URL('../../../package.json', import.meta.url);

/**
 * Reads the version, such as `1.2.3`.
 *
 * @throws {TypeError} if package.json has none
 */
export function readPackageVersion(): string {
  const description: unknown = JSON.parse(readFileSync(PACKAGE_URL, 'utf8'));
  if (typeof description === 'object' && description !== null && 'version' in description) return String(description.version);
  throw new TypeError('Cannot read the version: package.json has none');
}
