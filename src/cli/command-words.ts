/**
 * The words of commands on a project: the project may stand in front of the others, or be named by an option or the environment.
 */
import { UsageError } from './exit-codes.js';
import { serverAdvice, VARIABLES } from './online/find-server.js';

/** Words, apart. */
interface ProjectWords {
  /** The project on the command line; undefined if it is not there. */
  readonly project: string | undefined;
  readonly words: readonly string[];
}

/**
 * Takes the project from the front.
 *
 * @param words of the command line
 * @param names what the command takes beside the project, for messages
 * @throws {UsageError} when there are too few or too many words, or two projects
 */
export function splitWords(
  words: readonly string[], names: readonly string[], { project: option }: { readonly project?: string },
): ProjectWords {
  const surplus = words.length - names.length;
  if (surplus < 0) throw new UsageError(`Cannot do without ${namesText(names.slice(words.length))}`);
  if (surplus > 1) throw new UsageError(`Cannot use ${words.length} words: expected the project, if need be, and ${namesText(names)}`);
  const positional = surplus > 0 ? words[0] : undefined;
  if (positional !== undefined && option !== undefined && positional !== option) {
    throw new UsageError(`Cannot use two projects: the command names "${positional}", and --project "${option}"`);
  }
  return { project: positional ?? option, words: surplus > 0 ? words.slice(1) : words };
}

function namesText(names: readonly string[]): string {
  return names.map((name) => `the ${name}`).join(' and ');
}

/**
 * The project of a command that works on files.
 *
 * @param project of the command line
 * @throws {UsageError} when none is named
 */
export function projectOfFiles(project: string | undefined): string {
  const named = project ?? process.env[VARIABLES.project];
  if (named !== undefined) return named;
  const advice = 'name it in front, with --project or with SIMPLEKV_PROJECT';
  throw new UsageError(`Cannot tell which project of the files: ${advice}. To ask a server, ${serverAdvice()}`);
}
