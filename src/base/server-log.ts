/**
 * Creates the server log: one JSON object per line, or another form for a terminal. The only user of pino.
 */
import { pino, type DestinationStream } from 'pino';
import { AppError, isErrno } from './app-error.js';
import type { Logger, LogLevel } from './logger.js';
import { redactFields } from './redact.js';

/** Where lines are written. */
interface LogDestination {
  /** Must neither throw nor block: any room may log at any point. */
  write(line: string): unknown;
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
export function createLogger(options: LoggerOptions): Logger {
  const settings = {
    level: options.level ?? 'info',
    base: null,
    timestamp: pino.stdTimeFunctions.isoTime,
    formatters: { level: (label: string) => ({ level: label }), log: redactFields },
    serializers: { err: serializeError },
  };
  return pino(settings, streamFor(options.destination, options.format ?? ((line) => line)));
}

/** Formats lines here instead of in a pino stream, which would write and block on its own. */
function streamFor(destination: LogDestination, format: (line: string) => string): DestinationStream & { flushSync(): void } {
  return { write: (line) => void destination.write(format(line)), flushSync: () => void destination.flushSync?.() };
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
