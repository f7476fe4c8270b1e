/**
 * Commands that a person can paste into a shell: any command, and those of this program, named as it was started.
 */
import { basename } from 'node:path';

/** The name of the installed program. */
const INSTALLED_NAME = 'simplekv';
const PLAIN_WORD = /^[\w@%+=:,./-]+$/;

let program: readonly string[] = [INSTALLED_NAME];

/**
 * Sets how the program was started; the default is the installed name.
 *
 * @param script absolute path of the script as the command line named it, links not resolved
 */
export function setProgram(script: string): void {
  program = basename(script) === INSTALLED_NAME ? [INSTALLED_NAME] : ['node', script];
}

/** Returns a command of this program for a shell. It works from any folder if its arguments do. */
export function programCommand(words: readonly string[]): string {
  return shellLine([...program, ...words]);
}

/** Joins words into a shell command, quoted where necessary. */
export function shellLine(words: readonly string[]): string {
  return words.map((word) => (PLAIN_WORD.test(word) ? word : `'${word.replaceAll('\'', String.raw`'\''`)}'`)).join(' ');
}
