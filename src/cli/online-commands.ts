/**
 * The commands that ask a server, and their options. A command's module is loaded only when the command runs.
 */
import { Argument, type Command, Option } from 'commander';
import type { CreateKeyOptions, KeysOptions } from './online/api-keys.js';
import type { BatchCommandOptions } from './online/batch.js';
import type { DeleteCommandOptions, SetCommandOptions } from './online/change-keys.js';
import type { EditCommandOptions } from './online/edit.js';
import type { FormOptions } from './online/output-form.js';
import type { AddProfileOptions, UseProfileOptions } from './online/profile.js';
import type { ProjectsOptions, SettingsOptions } from './online/projects.js';
import type { HistoryCommandOptions, WatchCommandOptions } from './online/read-events.js';
import type { RevertCommandOptions } from './online/states.js';
import type { StatusOptions } from './online/status.js';
import type { RemoteOptions } from './remote.js';
import { runCommand as run } from './run-command.js';

/** Where a command looks for its server. */
const SERVER_HELP = `
The server is that of --url, of SIMPLEKV_URL, of --profile or SIMPLEKV_PROFILE, or of the default profile, in this order. The project is
that of --project, of SIMPLEKV_PROJECT, of the profile, or of the API key. The API key comes from --key-file, SIMPLEKV_KEY,
SIMPLEKV_KEY_FILE, or the profile.`;
const FILES_HELP = `
With --data or --config, the command reads files. Otherwise it asks a server, if one is named: by --url, SIMPLEKV_URL, --profile,
SIMPLEKV_PROFILE, or the default profile, in this order. If none is, it reads the files of ./config.json. "simplekv profile list" shows the
profiles.`;

/** Characters of the date in an ISO time. */
const DATE_LENGTH = 10;

/** Adds the options that name a server. */
export function withServer(command: Command, project = 'the project'): Command {
  return command
    .option('--url <url>', 'the server, such as http://127.0.0.1:23849; also SIMPLEKV_URL')
    .option('--profile <name>', 'the server of a profile; also SIMPLEKV_PROFILE')
    .option('--project <id>', `${project}; also SIMPLEKV_PROJECT`)
    .option('--key-file <file>', 'file with the API key, or - for standard input; also SIMPLEKV_KEY_FILE, or SIMPLEKV_KEY');
}

/** Adds the options of a command that reads files or asks a server, and says which of the two it does. */
export function filesOrServer(command: Command, project?: string): Command {
  return withServer(command, project).addHelpText('after', FILES_HELP);
}

/** What `--jsonl` prints of a log. */
const LOG_LINES = 'the lines as they are in the log, one JSON object each; the default if standard output is no terminal';

/** Adds the options that select the form of the output. */
export function withForms(command: Command, document = 'one JSON document', lines = 'one JSON object a line'): Command {
  return command.addOption(new Option('--json', `print ${document}`).conflicts('jsonl')).option('--jsonl', `print ${lines}`);
}

/** The same, for lines of a log. */
export function withLogForms(command: Command): Command {
  return withForms(command, 'one JSON array of the lines', LOG_LINES);
}

/** The same, for lines that have no end: `--json` is known only to say what to use instead. */
function withEndlessForms(command: Command): Command {
  return command.addOption(new Option('--json').conflicts('jsonl').hideHelp()).option('--jsonl', `print ${LOG_LINES}`);
}

/** Collects the values of an option that may be given several times. */
export function several(value: string, before: readonly string[] = []): readonly string[] {
  return [...before, value];
}

/** What all commands have in common. */
export function configured(command: Command): Command {
  return command.helpOption('--help', 'print this help').allowExcessArguments(false).exitOverride();
}

/** Adds all of them. */
export function addOnlineCommands(program: Command): void {
  const add: Add = (name, description, forms = withForms) => (
    configured(forms(withServer(program.command(name).description(description)))).addHelpText('after', SERVER_HELP)
  );
  addChanges(add);
  addEvents(add);
  addStates(add);
  add('status', 'print how the server is, what the API key may do, and how the project is; exit code 1 if the server is not ready')
    .action((options: StatusOptions) => run(async (context) => await (await import('./online/status.js')).showStatus(options, context)));
  add('limits', 'print what requests are limited to, and how much of its quotas a project uses')
    .action((options: StatusOptions) => run(async (context) => await (await import('./online/status.js')).showLimits(options, context)));
  add('reload', 'have the server read its configuration again')
    .option('--dry-run', 'only print what would change')
    .action((options: StatusOptions & { readonly dryRun?: boolean }) => (
      run(async (context) => await (await import('./online/status.js')).reloadServer(options, context))
    ));
  addProjects(program);
  addKeys(program);
  addProfiles(program);
  addCompletion(program);
  addManual(program);
}

/** Adds a command; `forms` adds the options that select the form of its output. */
type Add = (name: string, description: string, forms?: (command: Command) => Command) => Command;

function addChanges(add: Add): void {
  add('set <key> [json]', 'set a key, and print the receipt. The value is JSON, - for standard input, or in a file')
    .option('--file <file>', 'read the value from a file')
    .option('--string', 'the value is a text; store it as a JSON string')
    .option('--ttl <duration>', 'let it expire after a duration, such as 90s, 15m, 1h or 7d')
    .option('--keep-ttl', 'let it expire when the value before it would have')
    .option('--if-seq <seq>', 'only if the key has this version; 0: only if it does not exist')
    .option('--create', 'only if the key does not exist')
    .action((key: string, given: string | undefined, options: SetCommandOptions) => (
      run(async (context) => await (await import('./online/change-keys.js')).setValue({ key, given }, options, context))
    ));
  add('delete [keys...]', 'delete keys, or those of a range; all of them with one line of the log')
    .option('--prefix <prefix>', 'keys that begin with this prefix')
    .option('--start <key>', 'keys from this one on')
    .option('--end <key>', 'keys before this one')
    .option('--all', 'all keys of the project')
    .option('--if-seq <seq>', 'only if the one key has this version')
    .option('--dry-run', 'only count the keys of the range')
    .option('--yes', 'do not ask; needed for a range where there is no terminal')
    .action((keys: readonly string[], options: DeleteCommandOptions) => (
      run(async (context) => await (await import('./online/change-keys.js')).deleteKeys(keys, options, context))
    ));
  add('edit <key>', 'open a value in the editor of VISUAL or EDITOR, and store it unless the key was changed meanwhile')
    .action((key: string, options: EditCommandOptions) => (
      run(async (context) => await (await import('./online/edit.js')).edit(key, options, context))
    ));
  add('batch <file>', 'send operations that take effect together or not at all: {"ops":[…]}, or the array alone; - for standard input')
    .action((file: string, options: BatchCommandOptions) => (
      run(async (context) => await (await import('./online/batch.js')).sendBatch(file, options, context))
    ));
}

function addEvents(add: Add): void {
  add('watch', 'print changes as they are made, until interrupted', withEndlessForms)
    .option('--key <key>', 'changes of this key')
    .option('--prefix <prefix>', 'changes of keys with this prefix')
    .option('--op <operation>', 'lines with this operation, or a batch that has it; may be given several times', several)
    .option('--since <seq-or-time>', 'begin after this seq or time, or age such as -5m; 0: with the oldest event (default: now)')
    .action((options: WatchCommandOptions) => (
      run(async (context) => await (await import('./online/read-events.js')).watch(options, context))
    ));
  add('history <key>', 'print the changes of a key, newest first', withLogForms)
    .option('--limit <count>', 'only so many')
    .action((key: string, options: HistoryCommandOptions) => (
      run(async (context) => await (await import('./online/read-events.js')).showHistory(key, options, context))
    ));
}

function addStates(add: Add): void {
  add('revert', 'bring back the values of a moment, with one line of the log')
    .requiredOption('--to <seq-or-time>', 'the moment: a seq, a time, a local time or day, or an age such as -5m')
    .option('--prefix <prefix>', 'only keys that begin with this prefix')
    .option('--key <key>', 'only this key; may be given several times', several)
    .option('--if-seq <seq>', 'only if no key concerned has changed since this seq')
    .option('--dry-run', 'only print what would be changed')
    .option('--yes', 'do not ask; needed where there is no terminal')
    .action((options: RevertCommandOptions) => (
      run(async (context) => await (await import('./online/states.js')).revert(options, context))
    ));
  add('checkpoint', 'print the newest line of the log as a record to keep elsewhere, for verify --checkpoint')
    .action((options: RemoteOptions) => (
      run(async (context) => await (await import('./online/states.js')).printCheckpoint(options, context))
    ));
}

/** A command that only has commands below it. */
export function group(program: Command, name: string, description: string): Command {
  return program.command(name).description(description).helpOption('--help', 'print this help').helpCommand(false).exitOverride();
}

function addProjects(program: Command): void {
  const projects = group(program, 'projects', 'list, create, show, change and delete the projects of a server');
  const add = (name: string, description: string): Command => (
    configured(withForms(withServer(projects.command(name).description(description)))).addHelpText('after', SERVER_HELP)
  );
  const withSettings = (command: Command): Command => command
    .option('--set <path=value>', 'a setting, such as quota.max_keys=1000; may be given several times', several)
    .option('--settings <file>', 'settings as a JSON object; - for standard input');
  const load = async (): Promise<typeof import('./online/projects.js')> => await import('./online/projects.js');
  add('list', 'list the projects')
    .action((options: ProjectsOptions) => run(async (context) => await (await load()).printProjects(options, context)));
  withSettings(add('create <id>', 'create a project, and print its API key, which is shown only here'))
    .action((id: string, options: SettingsOptions) => run(async (context) => await (await load()).makeProject(id, options, context)));
  add('show [id]', 'show a project and its settings')
    .action((id: string | undefined, options: ProjectsOptions) => (
      run(async (context) => await (await load()).showProject(id, options, context))
    ));
  withSettings(add('update <id>', 'change settings of a project'))
    .action((id: string, options: SettingsOptions) => run(async (context) => await (await load()).changeProject(id, options, context)));
  add('compact <id>', 'make a snapshot of a project now')
    .action((id: string, options: ProjectsOptions) => run(async (context) => await (await load()).compactProject(id, options, context)));
  add('delete <id>', 'delete a project and its data, permanently')
    .option('--yes', 'do not ask; needed where there is no terminal')
    .action((id: string, options: ProjectsOptions & { readonly yes?: boolean }) => (
      run(async (context) => await (await load()).removeProject(id, options, context))
    ));
}

function addKeys(program: Command): void {
  const keys = group(program, 'keys', 'list, make, replace and revoke API keys');
  const add = (name: string, description: string): Command => (
    configured(withForms(withServer(keys.command(name).description(description))))
      .option('--global', 'API keys that hold for all projects, instead of those of a project')
      .addHelpText('after', SERVER_HELP)
  );
  const load = async (): Promise<typeof import('./online/api-keys.js')> => await import('./online/api-keys.js');
  add('list', 'list the API keys of a project; the keys themselves are not known to the server')
    .action((options: KeysOptions) => run(async (context) => await (await load()).printApiKeys(options, context)));
  add('create <name>', 'make an API key, and print it; it is shown only here')
    .requiredOption('--permissions <list>', 'what it may do: read, write, history, admin, metrics, or all; with commas between them')
    .option('--ttl <duration>', 'let it end after a duration, such as 90d')
    .option('--expires-at <time>', 'let it end at a time, such as 2027-01-31T00:00:00Z')
    .action((name: string, options: CreateKeyOptions) => run(async (context) => await (await load()).makeApiKey(name, options, context)));
  add('rotate <id>', 'make an API key in place of another, with the same permissions, and print it')
    .option('--overlap <duration>', 'how long the previous one goes on (default: not at all)')
    .action((id: string, options: KeysOptions & { readonly overlap?: string }) => (
      run(async (context) => await (await load()).replaceApiKey(id, options, context))
    ));
  add('revoke <id>', 'end an API key at once')
    .option('--yes', 'do not ask; needed where there is no terminal')
    .action((id: string, options: KeysOptions & { readonly yes?: boolean }) => (
      run(async (context) => await (await load()).revokeApiKey(id, options, context))
    ));
}

function addProfiles(program: Command): void {
  const profile = group(program, 'profile', 'keep servers, their projects and API keys under names');
  const add = (name: string, description: string): Command => configured(profile.command(name).description(description));
  const load = async (): Promise<typeof import('./online/profile.js')> => await import('./online/profile.js');
  withForms(add('add <name>', 'add a profile; the first one is used by commands that name no server'))
    .addOption(new Option('--url <url>', 'the server').makeOptionMandatory())
    .option('--project <id>', 'the project of commands that name none')
    .option('--key-file <file>', 'file with the API key, which stays there; with -, the API key is read from standard input and kept')
    .option('--use', 'let commands that name no server use it')
    .option('--replace', 'replace a profile of this name')
    .action((name: string, options: AddProfileOptions) => run(async (context) => await (await load()).addProfile(name, options, context)));
  withForms(add('list', 'list the profiles, without API keys'))
    .action((options: FormOptions) => run(async (context) => await (await load()).listProfiles(options, context)));
  withForms(add('use [name]', 'let commands that name no server use a profile'))
    .option('--none', 'use none')
    .action((name: string | undefined, options: UseProfileOptions) => (
      run(async (context) => await (await load()).useProfile(name, options, context))
    ));
  withForms(add('remove <name>', 'remove a profile'))
    .action((name: string, options: FormOptions) => run(async (context) => await (await load()).removeProfile(name, options, context)));
}

const COMPLETION_HELP = `
bash:  source <(simplekv completion bash)                 in ~/.bashrc
zsh:   source <(simplekv completion zsh)                  in ~/.zshrc, after compinit
fish:  simplekv completion fish > ~/.config/fish/completions/simplekv.fish

Keys of a project are completed, by asking its server, if SIMPLEKV_COMPLETE_KEYS is 1.`;

function addManual(program: Command): void {
  configured(program.command('man [command...]').description('print the manual page of a command, such as projects create'))
    .addHelpText('after', '\nTo read it: man -l <(simplekv man watch)')
    .action((words: readonly string[]) => run(async ({ output }) => {
      const today = new Date().toISOString().slice(0, DATE_LENGTH);
      await output.print((await import('./manual.js')).manualPage(program, words, today));
      return true;
    }));
}

function addCompletion(program: Command): void {
  const load = async (): Promise<typeof import('./completion.js')> => await import('./completion.js');
  configured(program.command('completion').description('print a script that completes commands, options and files in a shell'))
    .addArgument(new Argument('<shell>', 'the shell').choices(['bash', 'zsh', 'fish']))
    .addHelpText('after', COMPLETION_HELP)
    .action((shell: 'bash' | 'zsh' | 'fish') => run(async ({ output }) => {
      await output.print((await load()).completionScript(shell));
      return true;
    }));
  program.command('__complete [words...]', { hidden: true }).action((words: readonly string[]) => run(async ({ output }) => {
    await output.print(await (await load()).completionLines(program, words));
    return true;
  }));
}
