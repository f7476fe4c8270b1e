/**
 * The command `serve`: starts the server, and stops it when the system says so.
 */
import { isatty } from 'node:tty';
import { countText } from '../base/count-text.js';
import { createLogger, type Logger, type LogLevel } from '../base/logger.js';
import { SimpleKvServer } from '../server.js';
import { createAnnouncer } from './console-announcer.js';
import { openWithoutWaiting } from './console-descriptor.js';
import { ConsoleOutput, UnshownTextError } from './console-output.js';
import { onEndingSignals } from './ending-signals.js';
import { EXIT_CODES, exitCodeOf } from './exit-codes.js';

const STANDARD_OUTPUT = 1;
const STANDARD_ERROR = 2;

/** How long a stop may take when the start has not said it yet, in milliseconds. */
const STOP_LIMIT_MS = 10_000;

/** Most bytes that wait for standard error: some hundred keys. */
const ERRORS_BYTES_MAX = 262_144;

/** Standard output and standard error. Failures of one are reported on the other. */
class StandardStreams {
  readonly errors: ConsoleOutput;
  readonly serverLog: ConsoleOutput;
  #logger: Logger | undefined;

  constructor() {
    this.serverLog = new ConsoleOutput(openWithoutWaiting(STANDARD_OUTPUT), {
      onFailure: (reason) => {
        const effect = 'the server goes on; lines wait in memory, and are dropped and counted when they are too many';
        this.errors.write(`simplekv: the server log cannot be written (${reason}): ${effect}\n`);
      },
      onDropped: (dropped) => {
        this.#logger?.warn({ dropped }, `${countText(dropped, 'line')} of the server log ${dropped === 1 ? 'was' : 'were'} dropped`);
      },
    });
    this.errors = new ConsoleOutput(openWithoutWaiting(STANDARD_ERROR), {
      waitingBytesMax: ERRORS_BYTES_MAX,
      onFailure: (reason) => this.#logger?.warn({ reason }, 'standard error cannot be written'),
    });
    // Whatever ends the process, what waits is written if there is one who takes it.
    process.on('exit', () => {
      this.serverLog.flushSync();
      this.errors.flushSync();
    });
  }

  /** Undefined until the configuration has said the level. */
  get logger(): Logger | undefined {
    return this.#logger;
  }

  createLogger(level: LogLevel): Logger {
    this.#logger = createLogger({ level, readable: isatty(STANDARD_OUTPUT), destination: this.serverLog });
    return this.#logger;
  }
}

/**
 * Serves until a signal or a failure ends the process.
 *
 * @param options whether projects without an entry get one
 */
export async function serve(configPath: string, { adopt }: { readonly adopt: boolean }): Promise<void> {
  const streams = new StandardStreams();
  let isServing = false;
  const show = (text: string): void => {
    // What is shown of a key must be out before the configuration counts. Later the key is also in an answer, and nothing waits.
    if (!isServing) streams.errors.writeSurely(text);
    else if (!streams.errors.write(text)) throw new UnshownTextError('too much waits for its reader');
  };
  const server = new SimpleKvServer({
    configPath,
    adopt,
    announcer: createAnnouncer(show),
    createLogger: (level) => streams.createLogger(level),
    serverLogHealth: () => streams.serverLog.health,
    pid: process.pid,
  });
  const stop = new Stop(server, streams);
  stop.listen();
  try {
    const { shutdownTimeoutMs } = await server.start();
    isServing = true;
    stop.prepare(shutdownTimeoutMs);
  } catch (error) {
    if (stop.isAsked) return;
    const message = error instanceof Error ? error.message : String(error);
    const advice = error instanceof UnshownTextError ? '; nothing was begun with it: start again where it can be read' : '';
    streams.errors.write(`simplekv: ${message}${advice}\n`);
    const code = exitCodeOf(error);
    if (code === EXIT_CODES.failure && error instanceof Error) streams.errors.write(`${error.stack ?? ''}\n`);
    process.exitCode = code;
  }
}

/** Ends the process: politely on a signal, at once on a defect. */
class Stop {
  readonly #server: SimpleKvServer;
  readonly #streams: StandardStreams;
  #limitMs = STOP_LIMIT_MS;
  #isAsked = false;

  constructor(server: SimpleKvServer, streams: StandardStreams) {
    this.#server = server;
    this.#streams = streams;
  }

  /** True once a signal has come. */
  get isAsked(): boolean {
    return this.#isAsked;
  }

  /** Takes over what the start found out. */
  prepare(limitMs: number): void {
    this.#limitMs = limitMs;
  }

  listen(): void {
    onEndingSignals(['SIGTERM', 'SIGINT'], {
      first: (signal) => void this.#stop(signal),
      again: (signal) => {
        this.#streams.errors.write(`simplekv: ${signal} again, stopping at once\n`);
        process.exit(EXIT_CODES.failure);
      },
    });
    // What was not foreseen may have left anything half done; the log knows what was acknowledged, and the next start reads it.
    process.on('uncaughtException', (error) => {
      this.#streams.logger?.fatal({ err: error }, 'the server ends because of a defect');
      this.#streams.errors.write(`simplekv: ${error.stack ?? error.message}\n`);
      process.exit(EXIT_CODES.failure);
    });
  }

  async #stop(signal: string): Promise<void> {
    this.#isAsked = true;
    this.#streams.logger?.info({ signal }, 'stopping');
    const timer = setTimeout(() => {
      this.#streams.errors.write('simplekv: the stop took too long; what was acknowledged is on disk\n');
      process.exit(EXIT_CODES.failure);
    }, this.#limitMs);
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
