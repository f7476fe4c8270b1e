/**
 * The command `serve`: starts the server, and shuts it down on a signal.
 */
import { isatty } from 'node:tty';
import { countText } from '../base/count-text.js';
import type { Logger, LogLevel } from '../base/logger.js';
import { createLogger } from '../base/server-log.js';
import { type ServerParts, SimpleKvServer } from '../server.js';
import { createAnnouncer } from './console-announcer.js';
import { openNonBlocking } from './console-descriptor.js';
import { ConsoleOutput, UnshownTextError } from './console-output.js';
import { onEndingSignals } from './ending-signals.js';
import { setUpEngine } from './engine-settings.js';
import { EXIT_CODES, exitCodeOf } from './exit-codes.js';
import { configPathOf, globalKeyOf, outsideOf, type OverridingOptions } from './outside-options.js';

const STANDARD_OUTPUT = 1;
const STANDARD_ERROR = 2;

/** How long a shutdown may take during startup, before the configured limit is known, in milliseconds. */
const SHUTDOWN_LIMIT_MS = 10_000;

/** Most bytes queued for standard error: some hundred API keys. */
const ERRORS_BYTES_MAX = 262_144;

const UNSHOWN_ADVICE = '; the key was not activated. Restart the server with a readable standard error';

/** Standard output and standard error. Failures of one are reported on the other. */
class StandardStreams {
  readonly errors: ConsoleOutput;
  readonly serverLog: ConsoleOutput;
  /** Undefined until the configuration is read, which has the level. */
  logger: Logger | undefined;
  readonly #format: ((line: string) => string) | undefined;

  /** @param format the form of the server log, for a terminal; undefined: JSON */
  constructor(format: ((line: string) => string) | undefined) {
    this.#format = format;
    this.serverLog = new ConsoleOutput(openNonBlocking(STANDARD_OUTPUT), {
      onFailure: (reason) => {
        const effect = 'the server continues; lines are buffered in memory, and dropped and counted once the buffer is full';
        this.errors.write(`simplekv: the server log cannot be written (${reason}): ${effect}\n`);
      },
      onDropped: (dropped) => {
        this.logger?.warn({ dropped }, `${countText(dropped, 'line')} of the server log ${dropped === 1 ? 'was' : 'were'} dropped`);
      },
    });
    this.errors = new ConsoleOutput(openNonBlocking(STANDARD_ERROR), {
      queuedBytesMax: ERRORS_BYTES_MAX,
      onFailure: (reason) => this.logger?.warn({ reason }, 'standard error cannot be written'),
    });
    // However the process ends, the queued text is written if there is a reader.
    process.on('exit', () => {
      this.logger?.infoLines.flush();
      this.serverLog.flushSync();
      this.errors.flushSync();
    });
  }

  createLogger(level: LogLevel): Logger {
    const format = this.#format === undefined ? {} : { format: this.#format };
    this.logger = createLogger({ level, destination: this.serverLog, ...format });
    return this.logger;
  }
}

/** The options of the command line. */
export interface ServeOptions extends OverridingOptions {
  readonly config?: string;
  readonly adopt?: boolean;
  readonly globalKeyFile?: string;
}

/** Serves until a signal or a failure ends the process. */
export async function serve(options: ServeOptions): Promise<void> {
  setUpEngine();
  const format = isatty(STANDARD_OUTPUT) ? (await import('../base/readable-log.js')).createReadableForm() : undefined;
  const streams = new StandardStreams(format);
  let isServing = false;
  const show = (text: string): void => {
    // At startup an API key must be shown before the configuration with its hash takes effect. Later it is also in a response.
    if (!isServing) streams.errors.writeSurely(text);
    else if (!streams.errors.write(text)) throw new UnshownTextError('its reader is too slow');
  };
  const settings = settingsOf(options, streams);
  if (settings === undefined) return;
  const server = new SimpleKvServer({
    ...settings,
    announcer: createAnnouncer(show),
    createLogger: (level) => streams.createLogger(level),
    serverLogHealth: () => streams.serverLog.health,
    pid: process.pid,
    processFacts: { nodeVersion: process.versions.node, residentBytes: () => process.memoryUsage.rss() },
  });
  const shutdown = new Shutdown(server, streams);
  shutdown.listen();
  new Reloading(server, streams, shutdown).listen();
  try {
    await server.start();
    isServing = true;
  } catch (error) {
    if (!shutdown.isRequested) fail(streams, error);
  }
}

/** @returns undefined if they cannot be used, which has been reported */
function settingsOf(
  options: ServeOptions, streams: StandardStreams,
): Pick<ServerParts, 'configPath' | 'adopt' | 'outside' | 'globalKey'> | undefined {
  try {
    const { adopt = false } = options;
    return { configPath: configPathOf(options), adopt, outside: outsideOf(options), globalKey: globalKeyOf(options) };
  } catch (error) {
    fail(streams, error);
    return undefined;
  }
}

/** Reports why the server does not start. */
function fail(streams: StandardStreams, error: unknown): void {
  const message = error instanceof Error ? error.message : String(error);
  const advice = error instanceof UnshownTextError ? UNSHOWN_ADVICE : '';
  streams.errors.write(`simplekv: ${message}${advice}\n`);
  const code = exitCodeOf(error);
  if (code === EXIT_CODES.failure && error instanceof Error) streams.errors.write(`${error.stack ?? ''}\n`);
  process.exitCode = code;
}

/** Ends the process: in an orderly way on a signal, at once on a defect. */
class Shutdown {
  /** True once a signal has arrived. */
  isRequested = false;
  readonly #server: SimpleKvServer;
  readonly #streams: StandardStreams;

  constructor(server: SimpleKvServer, streams: StandardStreams) {
    this.#server = server;
    this.#streams = streams;
  }

  listen(): void {
    onEndingSignals(['SIGTERM', 'SIGINT'], {
      first: (signal) => void this.shutDown(signal),
      again: (signal) => {
        this.#streams.errors.write(`simplekv: ${signal} again, stopping at once\n`);
        process.exit(EXIT_CODES.failure);
      },
    });
    // A defect may have left anything half done. The next startup reads the acknowledged state from the logs.
    process.on('uncaughtException', (error) => {
      this.#streams.logger?.fatal({ err: error }, 'exiting because of a bug in the server');
      this.#streams.errors.write(`simplekv: ${error.stack ?? error.message}\n`);
      process.exit(EXIT_CODES.failure);
    });
  }

  /** Shuts down and ends the process. */
  async shutDown(signal: string): Promise<void> {
    this.isRequested = true;
    this.#streams.logger?.info({ signal }, 'stopping');
    const timer = setTimeout(() => {
      this.#streams.errors.write('simplekv: shutdown timed out; every acknowledged write of a project on disk is in its log\n');
      process.exit(EXIT_CODES.failure);
    }, this.#server.shutdownTimeoutMs ?? SHUTDOWN_LIMIT_MS);
    try {
      await this.#server.close();
      this.#streams.logger?.info('stopped');
      process.exitCode = EXIT_CODES.ok;
    } catch (error) {
      this.#streams.logger?.error({ err: error }, 'stopped, but not everything could be closed');
      process.exitCode = EXIT_CODES.failure;
    }
    clearTimeout(timer);
    process.exit();
  }
}

/** Reloads the configuration on SIGHUP. A terminal that is closed sends the same signal to a server in its foreground, which ends then. */
class Reloading {
  readonly #server: SimpleKvServer;
  readonly #streams: StandardStreams;
  readonly #shutdown: Shutdown;
  readonly #hasTerminal = isatty(STANDARD_ERROR);

  constructor(server: SimpleKvServer, streams: StandardStreams, shutdown: Shutdown) {
    this.#server = server;
    this.#streams = streams;
    this.#shutdown = shutdown;
  }

  listen(): void {
    process.on('SIGHUP', () => {
      if (this.#shutdown.isRequested) return;
      if (this.#hasTerminal && !isatty(STANDARD_ERROR)) void this.#shutdown.shutDown('SIGHUP');
      else void this.#reload();
    });
  }

  async #reload(): Promise<void> {
    try {
      await this.#server.reload();
    } catch (error) {
      // A startup or a shutdown that fails says so itself.
      if (this.#shutdown.isRequested || process.exitCode !== undefined) return;
      this.#streams.logger?.error({ err: error }, 'the configuration was not reloaded; nothing was changed');
    }
  }
}
