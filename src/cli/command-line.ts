/**
 * The command line: the commands and their options. A command's module is loaded only when the command runs.
 */
import { Command, CommanderError, InvalidArgumentError } from 'commander';
import { readPackageVersion } from '../base/package-version.js';
import type { BackupCommandOptions } from './backup.js';
import type { BisectCommandOptions } from './bisect.js';
import { complain, writeError } from './command-output.js';
import { EXIT_CODES } from './exit-codes.js';
import type { ConfigCommandOptions } from './config.js';
import type { DiffCommandOptions } from './diff.js';
import type { ExportCommandOptions } from './export.js';
import type { GetCommandOptions } from './get.js';
import type { ImportCommandOptions } from './import.js';
import type { ListCommandOptions } from './list.js';
import type { LogCommandOptions } from './log.js';
import type { ReadyCommandOptions } from './ready.js';
import type { ReceiptCommandOptions } from './receipt.js';
import type { RepairCommandOptions } from './repair.js';
import type { ReplayCommandOptions } from './replay.js';
import type { RestoreCommandOptions } from './restore.js';
import { addOnlineCommands, configured, filesOrServer, group, withForms, withLogForms, withServer } from './online-commands.js';
import { DEFAULT_CONFIG_PATH } from './outside-options.js';
import { runCommand } from './run-command.js';
import type { ServeOptions } from './serve.js';
import type { VerifyCommandOptions } from './verify.js';

const GLOBAL_KEY_FILE = 'file with the global API key of a first run, which then prints none; also SIMPLEKV_GLOBAL_KEY_FILE';
const HELP_ADVICE = 'Run it with --help to see the options';

/**
 * Makes the program: its commands and their options.
 *
 * @param show takes the text of `--help` and `--version`
 */
export function buildProgram(show: (text: string) => void): Command {
  const program = new Command('simplekv')
    .description('A key-value server over HTTP and JSON whose append-only log is the database')
    .version(readPackageVersion(), '--version', 'print the version')
    .helpOption('--help', 'print this help')
    .helpCommand(false)
    .configureOutput({
      writeOut: show,
      writeErr: writeError,
      outputError: (text) => complain(`${text.trimEnd().replace(/^error: |\.$/g, '').replaceAll('\n', ' ')}. ${HELP_ADVICE}`),
    })
    .exitOverride();
  withOverrides(program.command('serve'))
    .description('start the server; a first run writes a configuration and prints its API keys')
    .option('--adopt', 'add an entry, and an API key if required, for every project in the data folder that the configuration lacks')
    .option('--global-key-file <file>', GLOBAL_KEY_FILE, once)
    .action(async (options: ServeOptions) => {
      const { serve } = await import('./serve.js');
      await serve(options);
    });
  addConfigCommands(program);
  withForms(withOverrides(program.command('ready')))
    .description('ask a server whether it can serve requests; exits with 0 or 1, for the health check of a container')
    .option('--url <url>', 'the server, such as http://127.0.0.1:23849; also SIMPLEKV_URL (default: that of the configuration)', once)
    .action((options: ReadyCommandOptions) => (
      runCommand(async (context) => await (await import('./ready.js')).askReady(options, context))
    ));
  configured(program.command('openapi').description('print the document of the HTTP API, as OpenAPI 3.1'))
    .action(() => runCommand(async ({ output }) => {
      await output.print((await import('./openapi.js')).openApiText());
      return true;
    }));
  addFileCommands(program);
  addOnlineCommands(program);
  return program;
}

/** Refuses an option that is given again: the last one would silently win. */
function once(value: string, previous: string | undefined): string {
  if (previous !== undefined) throw new InvalidArgumentError('it is given twice');
  return value;
}

/** Adds the options that name the configuration and override its settings. */
function withOverrides(command: Command): Command {
  return configured(command)
    .option('--config <file>', `configuration file (default: SIMPLEKV_CONFIG, or ${DEFAULT_CONFIG_PATH})`, once)
    .option('--port <number>', 'port to listen on, instead of server_port', once)
    .option('--host <name>', 'name or address to listen on, instead of server_host', once)
    .option('--data <folder>', 'data folder, instead of default.storage.persistent_file_path', once);
}

/** The commands that show and check the settings. */
function addConfigCommands(program: Command): void {
  const config = group(program, 'config', 'show or check the settings of a server; changes nothing');
  withForms(withOverrides(config.command('show')), 'one JSON document', 'one JSON object a line, for each setting')
    .description('print every setting in force and where it comes from: an option, a variable, the file, or built in')
    .action((options: ConfigCommandOptions) => (
      runCommand(async (context) => await (await import('./config.js')).showSettings(options, context))
    ));
  withForms(withOverrides(config.command('check')))
    .description('make the checks that a start makes before it takes the port and the data folder')
    .action((options: ConfigCommandOptions) => (
      runCommand(async (context) => await (await import('./config.js')).checkSettings(options, context))
    ));
}

/** Adds a command on files; `data` says what its `--data` names. */
type AddCommand = (name: string, description: string, data?: string) => Command;

const READ_ONLY = 'changes nothing, safe while the server is running';

/** The commands on files. `repair` may not run while the server does, the others may. */
function addFileCommands(program: Command): void {
  const add: AddCommand = (name, description, data = 'data folder or backup') => (
    configured(program.command(name).description(description))
      .option('--config <file>', `configuration that names the data folder (default: SIMPLEKV_CONFIG, or ${DEFAULT_CONFIG_PATH})`)
      .option('--data <path>', `${data}, instead of a configuration`)
  );
  const checks = 'check the logs and snapshots of a data folder or a backup, of one project in it, or of the registry (_server)';
  withForms(add('verify [project-or-path]', `${checks}; ${READ_ONLY}`), 'one JSON document', 'one JSON object a line, for each project')
    .option('--checkpoint <file>', 'also prove that the logs have the lines of the checkpoints in a file')
    .action((project: string | undefined, options: VerifyCommandOptions) => (
      runCommand(async (context) => await (await import('./verify.js')).verify(project, options, context))
    ));
  addBackupCommands(add);
  addRestoreCommand(add);
  addEntryCommands(add, program);
  addHistoryCommands(add);
  addKeyCommands(add);
  const repairs = 'repair a damaged project or the registry (_server), keeping only what is provably intact; stop the server first';
  withForms(add('repair <project>', repairs, 'data folder'))
    .option('--accept-loss', 'apply the repair; without this option, only print what would be kept and lost')
    .action((project: string, options: RepairCommandOptions) => (
      runCommand(async (context) => await (await import('./repair.js')).repair(project, options, context))
    ));
}

/** The commands that make and use backups. */
function addBackupCommands(add: AddCommand): void {
  const makes = 'write a backup to a new file, or into a folder, and verify it; of a stopped server, or with --url of a running one';
  withForms(filesOrServer(add('backup <folder-or-file>', makes, 'data folder'), 'only this project'))
    .action((target: string, options: BackupCommandOptions) => (
      runCommand(async (context) => await (await import('./backup.js')).backUp(target, options, context))
    ));
}

/** Adds the command that puts a backup back. */
function addRestoreCommand(add: AddCommand): void {
  const puts = 'verify a backup and put its projects into a data folder; never replaces one; stop the server first';
  withForms(add('restore <file>', puts, 'data folder to restore into, which may be missing'))
    .option('--project <id>', 'only this project')
    .option('--as <id>', 'with --project: make it a new project of this id, with a new log that continues from its state')
    .option('--adopt', 'with --config: write entries for the projects into the configuration')
    .action((file: string, options: RestoreCommandOptions) => (
      runCommand(async (context) => await (await import('./restore.js')).restore(file, options, context))
    ));
}

/** The commands that move entries in and out. */
function addEntryCommands(add: AddCommand, program: Command): void {
  const exports = 'print the entries of a project, one JSON object a line, from a server or from files';
  const [array, lines] = ['one JSON array of the entries', 'one JSON object a line, as without it'];
  const counts = '; with --out or --dry-run: what was written, as one object';
  withForms(filesOrServer(add('export [project]', exports)), array + counts, lines + counts)
    .option('--prefix <prefix>', 'keys that begin with this prefix')
    .option('--start <key>', 'keys from this one on, to continue an export that broke off')
    .option('--out <file>', 'write to a file instead of standard output; it appears once it is complete')
    .option('--dry-run', 'only count what would be exported')
    .action((project: string | undefined, options: ExportCommandOptions) => (
      runCommand(async (context) => await (await import('./export.js')).exportProject(project, options, context))
    ));
  const imports = 'set the keys of a file, as export writes it, or of standard input (-), through a running server';
  const importing = program.command('import').usage('[options] [project] <file>').argument('[words...]').description(imports);
  configured(withForms(withServer(importing)))
    .option('--if-absent', 'leave keys that exist as they are')
    .option('--from-line <number>', 'begin with this line, as an interrupted import says')
    .option('--dry-run', 'only check the file and count; needs no server')
    .action((words: readonly string[], options: ImportCommandOptions) => (
      runCommand(async (context) => await (await import('./import.js')).importEntries(words, options, context))
    ));
}

/** The commands that read the lines of a log. */
function addHistoryCommands(add: AddCommand): void {
  const prints = `print the lines of the log of a project, or of the registry (_server) of files; ${READ_ONLY}`;
  withLogForms(filesOrServer(add('log [project]', prints)))
    .option('--from <seq-or-time>', 'first seq, or a time, a local time or day, or an age, as for replay')
    .option('--until <seq-or-time>', 'last seq, or a time, a local time or day, or an age, as for replay')
    .option('--key <key>', 'lines that change this key, alone, in a batch, or with all keys')
    .option('--prefix <prefix>', 'lines that change a key with this prefix')
    .option('--op <operation>', 'lines with this operation, or a batch that has it')
    .option('--actor <text>', 'lines whose actor contains this text')
    .option('--request <id>', 'lines of this request')
    .option('--limit <count>', 'only the newest lines')
    .option('-f, --follow', 'print new lines as they become final, across rotations, until interrupted; not with --json')
    .action((project: string | undefined, options: LogCommandOptions) => (
      runCommand(async (context) => await (await import('./log.js')).showLog(project, options, context))
    ));
  const finds = `print the first line of the log after which a key has a value, exists, or does not; ${READ_ONLY}`;
  withForms(add('bisect <project>', finds), 'the line as it is in its file, one JSON object', 'the same')
    .requiredOption('--key <key>', 'the key')
    .option('--equals <json>', 'has this value; spaces, the order of members and the spelling of numbers do not matter')
    .option('--absent', 'does not exist')
    .option('--present', 'exists')
    .action((project: string, options: BisectCommandOptions) => (
      runCommand(async (context) => await (await import('./bisect.js')).bisect(project, options, context))
    ));
  withForms(filesOrServer(
    add('diff [project]', `print the keys that two states of a project differ in, and the line of each change; ${READ_ONLY}`),
  ), 'one JSON array of the objects that GET …/diff answers')
    .requiredOption('--from <seq-or-time>', 'the state to compare with: a seq, 0 for the beginning, or a point as for replay --until')
    .option('--to <seq-or-time>', 'the other state, in the same way (default: the newest)')
    .option('--prefix <prefix>', 'keys that begin with this prefix')
    .option('--values', 'print the values before and after, too')
    .action((project: string | undefined, options: DiffCommandOptions) => (
      runCommand(async (context) => await (await import('./diff.js')).printDiff(project, options, context))
    ));
  withForms(add('receipt <hash> [project]', `find the line of a log that a receipt was given for, and say where it is; ${READ_ONLY}`))
    .action((receipt: string, project: string | undefined, options: ReceiptCommandOptions) => (
      runCommand(async (context) => await (await import('./receipt.js')).findLineOfReceipt({ receipt, project }, options, context))
    ));
  withForms(
    add('replay <project>', `print the state of a project at any point of its log, from its files alone; ${READ_ONLY}`),
    'the state as one JSON object, as without it; with --events: one JSON array of the lines',
    'one JSON object a line, for each key; with --events: the lines as they are in the log, as without it',
  )
    .option('--until <seq-or-time>', 'seq, time (2026-11-22T10:00:00Z), local time or day (2026-11-22), or age (-5m, -2h, -1d)')
    .option('--out <file>', 'write to a file instead of standard output; it appears once it is complete')
    .option('--events', 'print the lines of the log instead of the state')
    .option('--from <seq-or-time>', 'with --events: first seq, or a point as for --until')
    .option('--key <key>', 'with --events: lines about this key')
    .option('--op <operation>', 'with --events: lines with this operation')
    .option('--actor <text>', 'with --events: lines whose actor contains this text')
    .action((project: string, options: ReplayCommandOptions) => (
      runCommand(async (context) => await (await import('./replay.js')).replay(project, options, context))
    ));
}

/** The commands that read keys. */
function addKeyCommands(add: AddCommand): void {
  const then = 'as for replay --until';
  const get = add('get', `print the value of a key, from a server or from files; ${READ_ONLY}`);
  withForms(filesOrServer(get.usage('[options] [project] <key>').argument('[words...]')), 'one JSON object with key, seq, time and value')
    .option('--at <seq-or-time>', `as it was then: a seq, a time, a local time or day, or an age, ${then}`)
    .option('--raw', 'without the line feed after the value')
    .option('--meta', 'print seq, ETag, times and size instead of the value; of a server')
    .action((words: readonly string[], options: GetCommandOptions) => (
      runCommand(async (context) => await (await import('./get.js')).getValue(words, options, context))
    ));
  withForms(filesOrServer(add('list [project]', `print the keys of a project, in order, from a server or from files; ${READ_ONLY}`)),
    'one JSON array of objects with key, seq, time and value')
    .option('--prefix <prefix>', 'keys that begin with this prefix')
    .option('--start <key>', 'keys from this one on')
    .option('--end <key>', 'keys before this one')
    .option('--limit <count>', 'only so many')
    .option('--reverse', 'last key first; of a server')
    .option('--at <seq-or-time>', `as they were then: a seq, a time, a local time or day, or an age, ${then}`)
    .option('--values', 'print the values too, each after a tab')
    .option('--count', 'only count the keys')
    .action((project: string | undefined, options: ListCommandOptions) => (
      runCommand(async (context) => await (await import('./list.js')).printKeys(project, options, context))
    ));
}

/** Runs the program. Sets the exit code; returns once the server serves or the command is done. */
export async function runCommandLine(args: readonly string[]): Promise<void> {
  const shown: string[] = [];
  try {
    await buildProgram((text) => void shown.push(text)).parseAsync(args, { from: 'user' });
  } catch (error) {
    if (!(error instanceof CommanderError)) throw error;
    // Help and version end with exit code 0, a usage error with another one, which commander has printed.
    process.exitCode = EXIT_CODES.usage;
    if (error.exitCode !== 0) return;
    await runCommand(async ({ output }) => {
      await output.print(shown.join(''));
      return true;
    });
  }
}
