/** The licenses of what is put into a bundle: each of them requires that it goes with its package. */
import { readdirSync, readFileSync } from 'node:fs';
import path from 'node:path';

const LICENSE_FILE = /^(?:licen[cs]e|copying)/i;

/**
 * Finds the packages that files belong to.
 *
 * @param {readonly string[]} files Files of bundled packages; other files are passed over
 * @returns {readonly { name: string, version: string, license: string, folder: string }[]} Sorted by folder
 */
export function packagesOf(files) {
  const folders = new Set(files.map((file) => /^.*node_modules\/(?:@[^/]+\/)?[^/]+/.exec(file)?.[0]).filter((name) => name !== undefined));
  return [...folders].sort().map((folder) => {
    const { name, version, license } = JSON.parse(readFileSync(path.join(folder, 'package.json'), 'utf8'));
    return { name, version, license, folder };
  });
}

/**
 * Collects the licenses of packages.
 *
 * @param {ReturnType<typeof packagesOf>} packages
 * @returns {string} The text of each license, under the name of its package
 */
export function licensesOf(packages) {
  return packages.map(({ name, version, license, folder }) => {
    const file = readdirSync(folder).find((entry) => LICENSE_FILE.test(entry));
    const text = file === undefined ? `License: ${license}` : readFileSync(path.join(folder, file), 'utf8').trim();
    return `${name} ${version}\n\n${text}\n`;
  }).join(`\n${'-'.repeat(80)}\n\n`);
}
