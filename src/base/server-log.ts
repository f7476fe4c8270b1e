/**
 * Creates the server log: one JSON object per line, or another form for a terminal. The only user of pino.
 */
import { pino, type DestinationStream } from 'pino';
import { AppError, isErrno } from './app-error.js';
import { isoTime } from './iso-time.js';
import type { AdjustableLogger, InfoLines, LogLevel } from './logger.js';
import { redactFields } from './redact.js';

/** Where lines are written. */
interface LogDestination {
  /** Must neither throw nor block: any room may log at any point. The text has `count` lines, by default one. */
  write(text: string, count?: number): unknown;
  /** Called after a fatal line: the process is about to exit. */
  flushSync?(): unknown;
}

/** Options of {@link createLogger}. */
export interface LoggerOptions {
  /** Lines below this level are dropped. @default 'info' */
  readonly level?: LogLevel;
  /** Converts a JSON line to what is written, such as the form for a terminal in `readable-log.ts`. @default no conversion */
  readonly format?: (line: string) => string;
  /** Required: by default pino writes to standard output itself, and blocks on its reader. */
  readonly destination: LogDestination;
}

/** Creates the logger of the server. It replaces API keys by `[redacted]`, in fields and in errors. */
export function createLogger(options: LoggerOptions): AdjustableLogger {
  const settings = {
    level: options.level ?? 'info',
    base: null,
    timestamp: pino.stdTimeFunctions.isoTime,
    formatters: { level: (label: string) => ({ level: label }), log: redactFields },
    serializers: { err: serializeError },
  };
  const stream = new LineStream(options.destination, options.format ?? ((line) => line));
  const logger = pino(settings, stream);
  const infoLines: InfoLines = {
    get isEnabled() {
      return logger.isLevelEnabled('info');
    },
    flush: () => stream.flush(),
    add: (fields, message) => stream.add(`{"level":"info","time":"${isoTime(Date.now())}",${fields},"msg":"${message}"}\n`),
  };
  const setLevel = (level: LogLevel): void => {
    logger.level = level;
  };
  return Object.assign(logger, { infoLines, setLevel });
}

/** Formats lines here instead of in a pino stream, which would write and block on its own. */
class LineStream implements DestinationStream {
  readonly #destination: LogDestination;
  readonly #format: (line: string) => string;
  /** Lines of this turn of the event loop, as they are written. */
  #waiting = '';
  #waitingCount = 0;

  constructor(destination: LogDestination, format: (line: string) => string) {
    this.#destination = destination;
    this.#format = format;
  }

  /** Writes a line at once, after those that wait. */
  write(line: string): void {
    this.flush();
    this.#destination.write(this.#format(line));
  }

  /** Writes a line at the end of this turn of the event loop. */
  add(line: string): void {
    if (this.#waitingCount === 0) setImmediate(() => this.flush());
    this.#waiting += this.#format(line);
    this.#waitingCount += 1;
  }

  /** Called by pino after a fatal line. */
  flushSync(): void {
    this.flush();
    this.#destination.flushSync?.();
  }

  /** Writes the lines that wait. */
  flush(): void {
    if (this.#waitingCount === 0) return;
    const [text, count] = [this.#waiting, this.#waitingCount];
    this.#waiting = '';
    this.#waitingCount = 0;
    this.#destination.write(text, count);
  }
}

/** Any value may have been thrown; one that is not an error has been redacted with the other fields. */
function serializeError(thrown: unknown): unknown {
  if (!(thrown instanceof Error)) return thrown;
  const { stack, ...rest } = pino.stdSerializers.err(thrown);
  return redactFields(isExpected(thrown) ? rest : { ...rest, stack });
}

/** An expected failure is complete without its stack. A defect, also one that is the cause of an error, needs it. */
function isExpected(error: Error): boolean {
  if (!(error instanceof AppError ? error.code !== 'internal_error' : isErrno(error))) return false;
  return error.cause === undefined || (error.cause instanceof Error && isExpected(error.cause));
}
