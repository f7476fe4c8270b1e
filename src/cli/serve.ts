/**
 * The command `serve`: starts the server, and stops it when the system says so.
 */
import { writeSync } from 'node:fs';
import { createLogger, type Logger } from '../base/logger.js';
import { SimpleKvServer } from '../server.js';
import { createAnnouncer } from './console-announcer.js';
import { EXIT_CODES, exitCodeOf } from './exit-codes.js';

const STANDARD_ERROR = 2;

/** How long a stop may take when the start has not said it yet, in milliseconds. */
const STOP_LIMIT_MS = 10_000;

/** Written at once: what is shown of a key must be out before the configuration counts. */
function writeToConsole(text: string): void {
  writeSync(STANDARD_ERROR, text);
}

/**
 * Serves until a signal or a failure ends the process.
 *
 * @param configPath path of the configuration file
 */
export async function serve(configPath: string): Promise<void> {
  const server = new SimpleKvServer({
    configPath,
    announcer: createAnnouncer(writeToConsole),
    createLogger: (level) => createLogger({ level, readable: process.stdout.isTTY }),
    pid: process.pid,
  });
  const stop = new Stop(server);
  stop.listen();
  try {
    const { logger, shutdownTimeoutMs } = await server.start();
    stop.prepare(logger, shutdownTimeoutMs);
  } catch (error) {
    if (stop.isAsked) return;
    writeToConsole(`simplekv: ${error instanceof Error ? error.message : String(error)}\n`);
    const code = exitCodeOf(error);
    if (code === EXIT_CODES.failure && error instanceof Error) writeToConsole(`${error.stack ?? ''}\n`);
    process.exitCode = code;
  }
}

/** Ends the process: politely on a signal, at once on a defect. */
class Stop {
  readonly #server: SimpleKvServer;
  #logger: Logger | undefined;
  #limitMs = STOP_LIMIT_MS;
  #isAsked = false;

  constructor(server: SimpleKvServer) {
    this.#server = server;
  }

  /** True once a signal has come. */
  get isAsked(): boolean {
    return this.#isAsked;
  }

  /** Takes over what the start found out. */
  prepare(logger: Logger, limitMs: number): void {
    this.#logger = logger;
    this.#limitMs = limitMs;
  }

  listen(): void {
    for (const signal of ['SIGTERM', 'SIGINT'] as const) process.on(signal, () => void this.#onSignal(signal));
    // What was not foreseen may have left anything half done; the log knows what was acknowledged, and the next start reads it.
    process.on('uncaughtException', (error) => {
      this.#logger?.fatal({ err: error }, 'the server ends because of a defect');
      writeToConsole(`simplekv: ${error.stack ?? error.message}\n`);
      process.exit(EXIT_CODES.failure);
    });
  }

  async #onSignal(signal: string): Promise<void> {
    if (this.#isAsked) {
      writeToConsole(`simplekv: ${signal} again, stopping at once\n`);
      process.exit(EXIT_CODES.failure);
    }
    this.#isAsked = true;
    this.#logger?.info({ signal }, 'stopping');
    const timer = setTimeout(() => {
      writeToConsole('simplekv: the stop took too long; what was acknowledged is on disk\n');
      process.exit(EXIT_CODES.failure);
    }, this.#limitMs);
    try {
      await this.#server.close();
      this.#logger?.info('stopped');
      process.exitCode = EXIT_CODES.ok;
    } catch (error) {
      this.#logger?.error({ err: error }, 'stopped, but not everything could be closed');
      process.exitCode = EXIT_CODES.failure;
    }
    clearTimeout(timer);
    process.exit();
  }
}
