/**
 * The command line: which command, with which options, and what a mistake costs.
 */
import { readFileSync } from 'node:fs';
import { Command, CommanderError } from 'commander';
import { EXIT_CODES } from './exit-codes.js';
import { serve } from './serve.js';

/** Where the configuration is looked for when nothing is said. */
const DEFAULT_CONFIG_PATH = 'config.json';

/** From the built file to the package's description. */
const PACKAGE_URL = new URL('../../../package.json', import.meta.url);

function readVersion(): string {
  const description: unknown = JSON.parse(readFileSync(PACKAGE_URL, 'utf8'));
  if (typeof description === 'object' && description !== null && 'version' in description) return String(description.version);
  throw new TypeError('Cannot read the version: package.json has none');
}

function buildProgram(): Command {
  const program = new Command('simplekv')
    .description('A key-value server over HTTP and JSON whose append-only log is the database')
    .version(readVersion(), '--version', 'print the version')
    .helpOption('--help', 'print this help')
    .helpCommand(false)
    .exitOverride();
  program
    .command('serve')
    .description('serve; a first run writes a configuration and prints its keys')
    .option('--config <file>', 'configuration file', DEFAULT_CONFIG_PATH)
    .helpOption('--help', 'print this help')
    .allowExcessArguments(false)
    .exitOverride()
    .action(async ({ config }: { readonly config: string }) => {
      await serve(config);
    });
  return program;
}

/**
 * Runs the program. Sets the exit code; returns when the server serves, or when there is nothing to do.
 *
 * @param args what stands behind the program's name
 */
export async function runCommandLine(args: readonly string[]): Promise<void> {
  try {
    await buildProgram().parseAsync(args, { from: 'user' });
  } catch (error) {
    if (!(error instanceof CommanderError)) throw error;
    // Commander has printed help, version or the mistake; only the first two are no mistake.
    process.exitCode = error.exitCode === 0 ? EXIT_CODES.ok : EXIT_CODES.usage;
  }
}
