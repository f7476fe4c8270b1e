/**
 * The program's own command as a person can paste it: by the name of the installed package, or by the file it was started from.
 */
import { basename } from 'node:path';
import { shellLine } from './shell-line.js';

/** Name that the package installs the program under. */
const INSTALLED_NAME = 'simplekv';

let program: readonly string[] = [INSTALLED_NAME];

/**
 * Says how the program was started; without it the installed name is used.
 *
 * @param script absolute path of what was started, as the command line named it: a link is not followed
 */
export function setProgram(script: string): void {
  program = basename(script) === INSTALLED_NAME ? [INSTALLED_NAME] : ['node', script];
}

/**
 * A command of this program.
 *
 * @returns one line for a shell, which works from any folder if its arguments do
 */
export function programCommand(words: readonly string[]): string {
  return shellLine([...program, ...words]);
}
