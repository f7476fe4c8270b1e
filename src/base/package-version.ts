/**
 * Which version of the program this is. package.json is the one place that says it.
 */
import { readFileSync } from 'node:fs';

/** From the built file to the package's description. */
const PACKAGE_URL = new URL('../../../package.json', import.meta.url);

/**
 * Reads the version.
 *
 * @returns text such as `1.2.3`
 * @throws {TypeError} when package.json has none
 */
export function readPackageVersion(): string {
  const description: unknown = JSON.parse(readFileSync(PACKAGE_URL, 'utf8'));
  if (typeof description === 'object' && description !== null && 'version' in description) return String(description.version);
  throw new TypeError('Cannot read the version: package.json has none');
}
