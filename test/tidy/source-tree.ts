/** The files that make up the project, as text. What is installed, built, measured or stored is not part of it. */
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { fileURLToPath } from 'node:url';

/** A file of the project. */
export interface SourceText {
  /** Path from the top of the project, with forward slashes. */
  readonly path: string;
  /** The whole content. */
  readonly text: string;
}

const FOLDERS = ['src', 'web', 'test', 'bench', 'scripts', 'docs', '.ci'];
const SINGLE_FILES = ['data/README.md', '.gitignore', 'package.json', 'package-lock.json', 'tsconfig.json', 'LICENSE'];

/**
 * Finds the top of the project.
 *
 * @returns The nearest folder above the running file that holds tsconfig.json, else the working directory
 */
export function projectRoot(): string {
  let folder = path.dirname(fileURLToPath(import.meta.url));
  while (folder !== path.dirname(folder)) {
    if (existsSync(path.join(folder, 'tsconfig.json'))) return folder;
    folder = path.dirname(folder);
  }
  return process.cwd();
}

/**
 * Reads the project.
 *
 * @param root Its top folder
 * @returns Every file, sorted by path
 */
export function readProject(root: string): SourceText[] {
  const documents = readdirSync(root).filter((name) => name.endsWith('.md'));
  const paths = [...documents, ...SINGLE_FILES, ...FOLDERS.flatMap((folder) => listFiles(root, folder))];
  return paths
    .filter((file) => existsSync(path.join(root, file)))
    .sort()
    .map((file) => ({ path: file, text: readFileSync(path.join(root, file), 'utf8') }));
}

/**
 * Fails with every offence in view; a comparison with an empty list would cut a long one short.
 *
 * @param offences What a rule found
 * @throws {Error} When there is any
 */
export function assertNone(offences: readonly string[]): void {
  if (offences.length > 0) throw new Error(`${offences.length} offences\n${offences.join('\n')}`);
}

function listFiles(root: string, folder: string): string[] {
  if (!existsSync(path.join(root, folder))) return [];
  return readdirSync(path.join(root, folder), { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => path.relative(root, path.join(entry.parentPath, entry.name)).replaceAll(path.sep, '/'));
}
