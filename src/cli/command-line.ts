/**
 * The command line: the commands and their options. A command's module is loaded only when the command runs.
 */
import { Command, CommanderError } from 'commander';
import { readPackageVersion } from '../base/package-version.js';
import type { BackupCommandOptions } from './backup.js';
import { complain, writeError } from './command-output.js';
import { EXIT_CODES } from './exit-codes.js';
import type { ExportCommandOptions } from './export.js';
import type { GetCommandOptions } from './get.js';
import type { ImportCommandOptions } from './import.js';
import type { ListCommandOptions } from './list.js';
import type { LogCommandOptions } from './log.js';
import type { ReceiptCommandOptions } from './receipt.js';
import type { RepairCommandOptions } from './repair.js';
import type { ReplayCommandOptions } from './replay.js';
import type { RestoreCommandOptions } from './restore.js';
import { DEFAULT_CONFIG_PATH, runCommand } from './run-command.js';
import type { VerifyCommandOptions } from './verify.js';

const HELP_ADVICE = 'Run it with --help to see the options';

function buildProgram(show: (text: string) => void): Command {
  const program = new Command('simplekv')
    .description('A key-value server over HTTP and JSON whose append-only log is the database')
    .version(readPackageVersion(), '--version', 'print the version')
    .helpOption('--help', 'print this help')
    .helpCommand(false)
    .configureOutput({
      writeOut: show,
      writeErr: writeError,
      outputError: (text) => complain(`${text.trimEnd().replace(/^error: /, '').replaceAll('\n', ' ')}. ${HELP_ADVICE}`),
    })
    .exitOverride();
  program
    .command('serve')
    .description('start the server; a first run writes a configuration and prints its API keys')
    .option('--config <file>', 'configuration file', DEFAULT_CONFIG_PATH)
    .option('--adopt', 'add an entry, and an API key if required, for every project in the data folder that the configuration lacks')
    .helpOption('--help', 'print this help')
    .allowExcessArguments(false)
    .exitOverride()
    .action(async ({ config, adopt = false }: { readonly config: string; readonly adopt?: boolean }) => {
      const { serve } = await import('./serve.js');
      await serve(config, { adopt });
    });
  program
    .command('openapi')
    .description('print the document of the HTTP API, as OpenAPI 3.1')
    .helpOption('--help', 'print this help')
    .allowExcessArguments(false)
    .exitOverride()
    .action(() => runCommand(async ({ output }) => {
      await output.print((await import('./openapi.js')).openApiText());
      return true;
    }));
  addFileCommands(program);
  return program;
}

/** Adds a command on files; `data` says what its `--data` names. */
type AddCommand = (name: string, description: string, data?: string) => Command;

const READ_ONLY = 'changes nothing, safe while the server is running';

/** The commands on files. `repair` may not run while the server does, the others may. */
function addFileCommands(program: Command): void {
  const add: AddCommand = (name, description, data = 'data folder or backup') => (
    program
      .command(name)
      .description(description)
      .option('--config <file>', `configuration that names the data folder (default: ${DEFAULT_CONFIG_PATH})`)
      .option('--data <path>', `${data}, instead of a configuration`)
      .helpOption('--help', 'print this help')
      .allowExcessArguments(false)
      .exitOverride()
  );
  const checks = 'check the logs and snapshots of a data folder or a backup, of one project in it, or of the registry (_server)';
  add('verify [project-or-path]', `${checks}; ${READ_ONLY}`)
    .option('--json', 'print one JSON document')
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
  add('repair <project>', repairs, 'data folder')
    .option('--accept-loss', 'apply the repair; without this option, only print what would be kept and lost')
    .action((project: string, options: RepairCommandOptions) => (
      runCommand(async (context) => await (await import('./repair.js')).repair(project, options, context))
    ));
}

/** Adds the options of a command that can ask a server. */
function orServer(command: Command, use = 'ask the running server at this URL instead'): Command {
  return command
    .option('--url <url>', `${use}, such as http://127.0.0.1:23849; also SIMPLEKV_URL`)
    .option('--key-file <file>', 'file with the API key for --url, or - for standard input; also SIMPLEKV_KEY_FILE, or SIMPLEKV_KEY');
}

/** The commands that make and use backups. */
function addBackupCommands(add: AddCommand): void {
  const makes = 'write a backup to a new file, or into a folder, and verify it; of a stopped server, or with --url of a running one';
  orServer(add('backup <folder-or-file>', makes, 'data folder'))
    .option('--project <id>', 'only this project')
    .option('--json', 'print one JSON document')
    .action((target: string, options: BackupCommandOptions) => (
      runCommand(async (context) => await (await import('./backup.js')).backUp(target, options, context))
    ));
}

/** Adds the command that puts a backup back. */
function addRestoreCommand(add: AddCommand): void {
  const puts = 'verify a backup and put its projects into a data folder; never replaces one; stop the server first';
  add('restore <file>', puts, 'data folder to restore into, which may be missing')
    .option('--project <id>', 'only this project')
    .option('--as <id>', 'with --project: make it a new project of this id, with a new log that continues from its state')
    .option('--adopt', 'with --config: write entries for the projects into the configuration')
    .option('--json', 'print one JSON document')
    .action((file: string, options: RestoreCommandOptions) => (
      runCommand(async (context) => await (await import('./restore.js')).restore(file, options, context))
    ));
}

/** The commands that move entries in and out. */
function addEntryCommands(add: AddCommand, program: Command): void {
  orServer(add('export <project>', 'print the entries of a project, one JSON object a line; with --url those of a running server'))
    .option('--prefix <prefix>', 'keys that begin with this prefix')
    .option('--start <key>', 'keys from this one on, to continue an export that broke off')
    .option('--out <file>', 'write to a file instead of standard output; it appears once it is complete')
    .option('--dry-run', 'only count what would be exported')
    .option('--json', 'with --out or --dry-run: print one JSON document')
    .action((project: string, options: ExportCommandOptions) => (
      runCommand(async (context) => await (await import('./export.js')).exportProject(project, options, context))
    ));
  const imports = 'set the keys of a file, as export writes it, or of standard input (-), through a running server';
  orServer(program.command('import <project> <file>').description(imports), 'the running server')
    .option('--if-absent', 'leave keys that exist as they are')
    .option('--from-line <number>', 'begin with this line, as an interrupted import says')
    .option('--dry-run', 'only check the file and count; needs no server')
    .option('--json', 'print one JSON document')
    .helpOption('--help', 'print this help')
    .allowExcessArguments(false)
    .exitOverride()
    .action((project: string, file: string, options: ImportCommandOptions) => (
      runCommand(async (context) => await (await import('./import.js')).importEntries({ project, file }, options, context))
    ));
}

/** The commands that read the lines of a log. */
function addHistoryCommands(add: AddCommand): void {
  add('log <project>', `print the lines of the log of a project, or of the registry (_server); ${READ_ONLY}`)
    .option('--from <seq-or-time>', 'first seq, or a time, a local time or day, or an age, as for replay')
    .option('--until <seq-or-time>', 'last seq, or a time, a local time or day, or an age, as for replay')
    .option('--key <key>', 'lines that change this key, alone, in a batch, or with all keys')
    .option('--prefix <prefix>', 'lines that change a key with this prefix')
    .option('--op <operation>', 'lines with this operation, or a batch that has it')
    .option('--actor <text>', 'lines whose actor contains this text')
    .option('--request <id>', 'lines of this request')
    .option('--limit <count>', 'only the newest lines')
    .option('-f, --follow', 'print new lines as they become final, across rotations, until interrupted')
    .option('--json', 'print the lines as they are in the files; the default if standard output is no terminal')
    .action((project: string, options: LogCommandOptions) => (
      runCommand(async (context) => await (await import('./log.js')).showLog(project, options, context))
    ));
  add('receipt <hash> [project]', `find the line of a log that a receipt was given for, and say where it is; ${READ_ONLY}`)
    .option('--json', 'print one JSON document')
    .action((receipt: string, project: string | undefined, options: ReceiptCommandOptions) => (
      runCommand(async (context) => await (await import('./receipt.js')).findLineOfReceipt({ receipt, project }, options, context))
    ));
  add('replay <project>', `print the state of a project at any point of its log, from its files alone; ${READ_ONLY}`)
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
  add('get <project> <key>', `print the value of a key, from the files alone; ${READ_ONLY}`)
    .option('--json', 'print one JSON object with key, seq, time and value')
    .action((project: string, key: string, options: GetCommandOptions) => (
      runCommand(async (context) => await (await import('./get.js')).getValue({ project, key }, options, context))
    ));
  add('list <project>', `print the keys of a project, in order, from its files alone; ${READ_ONLY}`)
    .option('--prefix <prefix>', 'keys that begin with this prefix')
    .option('--values', 'print the values too, each after a tab')
    .option('--json', 'print one JSON array of objects with key, seq, time and value')
    .action((project: string, options: ListCommandOptions) => (
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
