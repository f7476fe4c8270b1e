/**
 * The command line: which command, with which options, and what a mistake costs.
 */
import { Command, CommanderError } from 'commander';
import { readPackageVersion } from '../base/package-version.js';
import { EXIT_CODES } from './exit-codes.js';
import { DEFAULT_CONFIG_PATH } from './data-folder.js';
import { repair, type RepairCommandOptions } from './repair.js';
import { replay, type ReplayCommandOptions } from './replay.js';
import { runCommand } from './run-command.js';
import { complain, writeError } from './standard-error.js';
import { verify, type VerifyCommandOptions } from './verify.js';

const HELP_ADVICE = 'With --help it prints what there is';

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
    .description('serve; a first run writes a configuration and prints its keys')
    .option('--config <file>', 'configuration file', DEFAULT_CONFIG_PATH)
    .option('--adopt', 'give projects in the data folder that the configuration does not name an entry and a new key')
    .helpOption('--help', 'print this help')
    .allowExcessArguments(false)
    .exitOverride()
    .action(async ({ config, adopt = false }: { readonly config: string; readonly adopt?: boolean }) => {
      // Loaded only now: the commands for files need nothing of a server.
      const { serve } = await import('./serve.js');
      await serve(config, { adopt });
    });
  addFileCommands(program);
  return program;
}

/** The commands that work on files, whether a server runs or not. */
function addFileCommands(program: Command): void {
  const add = (name: string, description: string): Command => (
    program
      .command(name)
      .description(description)
      .option('--config <file>', `configuration that names the data folder (default: ${DEFAULT_CONFIG_PATH})`)
      .option('--data <folder>', 'data folder, instead of a configuration')
      .helpOption('--help', 'print this help')
      .allowExcessArguments(false)
      .exitOverride()
  );
  add('verify [project]', 'check every byte of a data folder, of one project, or of _server; changes nothing, also beside a server')
    .option('--json', 'print one JSON document')
    .action((project: string | undefined, options: VerifyCommandOptions) => runCommand((context) => verify(project, options, context)));
  add('replay <project>', 'print what a project was at a point of its log, from files alone; changes nothing, also beside a server')
    .option('--until <seq-or-time>', 'seq, time (2026-11-22T10:00:00Z), local time or day (2026-11-22), or how long ago (-5m, -2h, -1d)')
    .option('--out <file>', 'write there instead of to standard output; appears when it is whole')
    .option('--events', 'print the lines themselves instead of what they amount to')
    .option('--from <seq>', 'with --events: first seq')
    .option('--key <key>', 'with --events: lines about this key')
    .option('--op <operation>', 'with --events: lines with this operation')
    .option('--actor <text>', 'with --events: lines whose actor holds this text')
    .action((project: string, options: ReplayCommandOptions) => runCommand((context) => replay(project, options, context)));
  add('repair <project>', 'let a damaged project, or _server, go on from what can be proved; the server must be stopped')
    .option('--accept-loss', 'do it; without this, only say what would be done and lost')
    .action((project: string, options: RepairCommandOptions) => runCommand((context) => repair(project, options, context)));
}

/** Runs the program. Sets the exit code; returns when the server serves, or when there is nothing to do. */
export async function runCommandLine(args: readonly string[]): Promise<void> {
  const shown: string[] = [];
  try {
    await buildProgram((text) => void shown.push(text)).parseAsync(args, { from: 'user' });
  } catch (error) {
    if (!(error instanceof CommanderError)) throw error;
    // Commander has shown help, version or the mistake; only the first two are no mistake.
    process.exitCode = EXIT_CODES.usage;
    if (error.exitCode !== 0) return;
    await runCommand(async ({ output }) => {
      await output.print(shown.join(''));
      return true;
    });
  }
}
