/**
 * Completion for shells: the scripts that `simplekv completion SHELL` prints ask the program itself for the words, so that they never
 * differ from its commands. No package: those that there are evaluate what was typed, or need another package of the shell.
 */
import type { Command, Option } from 'commander';
import { findServerUnlessFiles, type RemoteOptions } from './online/find-server.js';
import { readProfiles } from './online/profiles.js';

/** Shells that have a script. */
const SHELLS = ['bash', 'zsh', 'fish'] as const;

/** The name of the hidden command that prints words. Its arguments are those that were typed; the last one is to be completed. */
const WORDS_COMMAND = '__complete';

/** Switches on completion of keys, which asks the server at each press of the key. */
const KEYS_VARIABLE = 'SIMPLEKV_COMPLETE_KEYS';
const KEYS_MAX = 200;
/** A person waits at a prompt; in milliseconds. */
const ANSWER_MS = 2000;
/** Options that name a file, which the shell completes. */
const FILE_OPTIONS: readonly string[] = ['--config', '--data', '--file', '--key-file', '--out', '--settings', '--checkpoint'];
/** Arguments that name files. */
const FILE_ARGUMENTS: readonly string[] = ['file', 'folder-or-file', 'project-or-path'];
/** Commands whose last argument is a key. */
const KEY_COMMANDS: readonly string[] = ['get', 'set', 'delete', 'edit', 'history'];
/** The command whose arguments are commands. */
const MANUAL_COMMAND = 'man';
/** Says to a script that the shell completes names of files. */
const FILES_MARK = ':files';

/** What a word may become. */
interface Completion {
  readonly word: string;
  readonly description: string;
}

/** The script of each shell. Words come one a line, the description after a tab. A key may have spaces, and is quoted by the script. */
const SCRIPTS: Readonly<Record<(typeof SHELLS)[number], string>> = {
  bash: `_simplekv() {
  local IFS=$'\\n' line words=("\${COMP_WORDS[@]:1:COMP_CWORD}") cur=\${COMP_WORDS[COMP_CWORD]}
  COMPREPLY=()
  while read -r line; do
    if [[ $line == ${FILES_MARK} ]]; then COMPREPLY+=($(compgen -f -- "$cur")); compopt -o filenames
    else COMPREPLY+=("$(printf %q "\${line%%$'\\t'*}")"); fi
  done < <("\${COMP_WORDS[0]}" ${WORDS_COMMAND} -- "\${words[@]}" 2>/dev/null)
}
complete -F _simplekv simplekv
`,
  zsh: `#compdef simplekv
_simplekv() {
  local line; local -a names texts
  while IFS= read -r line; do
    if [[ $line == ${FILES_MARK} ]]; then _files
    else names+=("\${line%%$'\\t'*}"); texts+=("\${line/$'\\t'/  }"); fi
  done < <("\${words[1]}" ${WORDS_COMMAND} -- "\${(@)words[2,CURRENT]}" 2>/dev/null)
  compadd -d texts -a names
}
compdef _simplekv simplekv
`,
  fish: `function __simplekv_words
  set -l typed (commandline -opc)
  for line in ($typed[1] ${WORDS_COMMAND} -- $typed[2..] (commandline -ct) 2>/dev/null)
    if test "$line" = ${FILES_MARK}; __fish_complete_path (commandline -ct); else; echo $line; end
  end
end
complete -c simplekv -f -a '(__simplekv_words)'
`,
};

/** The script of a shell. */
export function completionScript(shell: (typeof SHELLS)[number]): string {
  return SCRIPTS[shell];
}

/**
 * The lines for a script: what the last word may become.
 *
 * @param program all commands
 * @param typed the words after the name of the program; the last one may be empty
 * @returns each with a line feed; empty for none
 */
export async function completionLines(program: Command, typed: readonly string[]): Promise<string> {
  const found = await completionsOf(program, typed);
  if (found === 'files') return `${FILES_MARK}\n`;
  const last = typed.at(-1) ?? '';
  const fitting = found.filter(({ word }) => word.startsWith(last));
  return fitting.map(({ word, description }) => `${word}\t${description}\n`).join('');
}

async function completionsOf(program: Command, typed: readonly string[]): Promise<readonly Completion[] | 'files'> {
  const last = typed.at(-1) ?? '';
  const { command, values, awaited } = walk(program, typed.slice(0, -1));
  if (awaited?.long === '--profile') return await profiles();
  if (awaited !== undefined) return FILE_OPTIONS.includes(awaited.long ?? '') ? 'files' : [];
  if (last.startsWith('-')) return optionsOf(command);
  const below = namesBelow({ command, values });
  if (below.length > 0) return below;
  if (command.parent?.name() === 'profile' && ['use', 'remove'].includes(command.name())) return await profiles();
  if (command.name() === MANUAL_COMMAND) return namesBelow(walk(program, values));
  const argument = command.registeredArguments[Math.min(values.length, command.registeredArguments.length - 1)];
  if (argument === undefined) return [];
  if (argument.argChoices !== undefined) return argument.argChoices.map((word) => ({ word, description: '' }));
  if (FILE_ARGUMENTS.includes(argument.name()) || command.name() === 'import') return 'files';
  return KEY_COMMANDS.includes(command.name()) ? await keys(command, typed, last) : [];
}

/** The commands below one; none after a word that is not one. */
function namesBelow({ command, values }: Pick<Walked, 'command' | 'values'>): readonly Completion[] {
  if (values.length > 0) return [];
  return command.createHelp().visibleCommands(command).map((child) => ({ word: child.name(), description: child.description() }));
}

/** Where the words before the last one lead. */
interface Walked {
  readonly command: Command;
  /** Arguments so far. */
  readonly values: readonly string[];
  /** The option whose value comes next. */
  readonly awaited: Option | undefined;
}

function walk(program: Command, words: readonly string[]): Walked {
  let command = program;
  let values: string[] = [];
  let awaited: Option | undefined;
  for (const word of words) {
    if (awaited !== undefined) awaited = undefined;
    else if (word.startsWith('-') && word !== '-') {
      const option = command.options.find(({ short, long }) => [short, long].includes(word));
      awaited = option?.required === true ? option : undefined;
    } else {
      const child = command.commands.find((one) => one.name() === word);
      if (child === undefined) values.push(word);
      else [command, values] = [child, []];
    }
  }
  return { command, values, awaited };
}

function optionsOf(command: Command): readonly Completion[] {
  return command.createHelp().visibleOptions(command).map(({ long, short, description }) => ({ word: long ?? short ?? '', description }));
}

async function profiles(): Promise<readonly Completion[]> {
  const { profiles: known } = await readProfiles();
  return Object.entries(known).map(([word, { url }]) => ({ word, description: url }));
}

/** Keys that begin with what was typed, of the server that the command would ask. */
async function keys(command: Command, typed: readonly string[], prefix: string): Promise<readonly Completion[]> {
  if (process.env[KEYS_VARIABLE] !== '1') return [];
  const options = serverOptions(command, typed);
  // Standard input belongs to the shell.
  if (options.keyFile === '-' || (await findServerUnlessFiles(options)) === undefined) return [];
  const { Remote } = await import('./remote.js');
  const remote = await Remote.need('complete keys', options);
  const signal = AbortSignal.timeout(ANSWER_MS);
  const { kv } = await remote.project(options.project, signal);
  const found: Completion[] = [];
  for await (const key of kv.keys({ prefix, pageSize: KEYS_MAX, signal })) {
    // A word is a line, and a tab ends it.
    if (!/\p{Cc}/u.test(key)) found.push({ word: key, description: '' });
    if (found.length >= KEYS_MAX) break;
  }
  return found;
}

function serverOptions(command: Command, typed: readonly string[]): RemoteOptions & { readonly config?: string; readonly data?: string } {
  const named = command.options.filter(({ required }) => required).flatMap((option) => {
    const at = typed.indexOf(option.long ?? '');
    const value = at < 0 ? undefined : typed[at + 1];
    return value === undefined ? [] : [[option.attributeName(), value] as const];
  });
  return Object.fromEntries(named);
}
