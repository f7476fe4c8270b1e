/**
 * `node scripts/man.mjs FOLDER`: writes the manual pages into a folder, `simplekv.1` and one for each command.
 */
import { mkdirSync, rmSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { prepare, root, runSteps } from './setup.mjs';

const MS_PER_SECOND = 1000;

/**
 * Writes the pages of the built program.
 *
 * @param {string} folder Replaced if it exists
 * @returns {Promise<readonly string[]>} The names of the files
 */
export async function writeManual(folder) {
  const load = async (file) => await import(pathToFileURL(path.join(root, 'dist/src/cli', file)).href);
  const [{ buildProgram }, { MANUAL_SECTION, manualPages }] = await Promise.all([load('command-line.js'), load('manual.js')]);
  // The same sources give the same pages, where the time of a release is set.
  const { SOURCE_DATE_EPOCH: epoch } = process.env;
  const date = new Date(epoch === undefined ? Date.now() : Number(epoch) * MS_PER_SECOND).toISOString().slice(0, 10);
  rmSync(folder, { recursive: true, force: true });
  mkdirSync(folder, { recursive: true });
  return manualPages(buildProgram(() => undefined), date).map(({ name, text }) => {
    const file = `${name}.${MANUAL_SECTION}`;
    writeFileSync(path.join(folder, file), text);
    return file;
  });
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const [folder] = process.argv.slice(2);
  if (folder === undefined) {
    console.error('simplekv: name the folder for the manual pages');
    process.exit(1);
  }
  runSteps(prepare);
  await writeManual(folder);
}
