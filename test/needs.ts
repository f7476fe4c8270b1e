/**
 * What a test needs that a plain machine may lack: a program of the system, or packages with a lock of their own. Where it is missing, the
 * tests that need it are skipped by name; under CI, which installs all of it, they fail.
 */
import { accessSync, constants, existsSync } from 'node:fs';
import path from 'node:path';
import { projectRoot } from './tidy/source-tree.js';

/** One such thing. */
export interface Need {
  /** What it is, for a reader of the list of skipped tests. */
  readonly name: string;
  /** How to get it: a command. */
  readonly remedy: string;
  /** Whether this machine has it. */
  readonly isMet: boolean;
}

/**
 * A program on the search path.
 *
 * @param command Its name
 * @param debianPackage The package that brings it
 */
export function program(command: string, debianPackage: string = command): Need {
  const folders = (process.env['PATH'] ?? '').split(path.delimiter).filter((folder) => folder !== '');
  return {
    name: command,
    remedy: `apt-get install ${debianPackage}`,
    isMet: folders.some((folder) => isExecutable(path.join(folder, command))),
  };
}

/**
 * The packages of a folder of tests that has a lock of its own, which `scripts/setup.mjs` installs.
 *
 * @param folder Its name below `test`
 */
export function packagesOf(folder: string): Need {
  return {
    name: `the packages of test/${folder}`,
    remedy: `npm test -- ${folder}`,
    isMet: existsSync(path.join(projectRoot(), 'dist', folder, 'node_modules')),
  };
}

function isExecutable(file: string): boolean {
  try {
    accessSync(file, constants.X_OK);
    return true;
  } catch {
    return false;
  }
}
