/**
 * The server log: one JSON object a line, or a readable form for a terminal. The only user of pino.
 */
import { pino, type DestinationStream, type Logger as PinoLogger } from 'pino';
import { AppError, isErrno } from './app-error.js';
import { createReadableForm } from './readable-log.js';
import { redactFields } from './redact.js';

/** What rooms may call; a subset of pino's logger. Without `child`: what a child is bound to would not be redacted. */
export type Logger = Pick<PinoLogger, 'trace' | 'debug' | 'info' | 'warn' | 'error' | 'fatal'>;

/** The levels that the configuration may name. */
export const LOG_LEVELS = ['trace', 'debug', 'info', 'warn', 'error', 'fatal', 'silent'] as const;

/** One of {@link LOG_LEVELS}. */
export type LogLevel = (typeof LOG_LEVELS)[number];

/** Where lines go. */
export interface LogDestination {
  /** Takes a line. Must not throw, and must not wait: every room logs, in the middle of whatever it does. */
  write(line: string): unknown;
  /** Called after a fatal line: the process is about to end. */
  flushSync?(): unknown;
}

/** Whether the lines of the server log arrive where they are sent. */
export interface ServerLogHealth {
  readonly ok: boolean;
  /** Short text for an operator. */
  readonly detail: string;
}

/** How {@link createLogger} writes. */
export interface LoggerOptions {
  /** Lines below this level are dropped. @default 'info' */
  readonly level?: LogLevel;
  /** True for people at a terminal: one short line for a request, colours, no JSON. @default false */
  readonly readable?: boolean;
  /** Where lines go. Without one pino would write to standard output itself, and wait there for whatever reads it. */
  readonly destination: LogDestination;
}

/**
 * Makes the logger that everything else is handed.
 *
 * @returns a logger that replaces API keys by `[redacted]`, in fields and in errors
 */
export function createLogger(options: LoggerOptions): Logger {
  const settings = {
    level: options.level ?? 'info',
    base: null,
    timestamp: pino.stdTimeFunctions.isoTime,
    formatters: { level: (label: string) => ({ level: label }), log: redactFields },
    serializers: { err: serializeError },
  };
  return pino(settings, streamFor(options.destination, options.readable === true ? createReadableForm() : (line) => line));
}

/** Lines are formed here and not by a stream of pino's, which would write and wait by itself. */
function streamFor(destination: LogDestination, format: (line: string) => string): DestinationStream & { flushSync(): void } {
  return { write: (line) => void destination.write(format(line)), flushSync: () => void destination.flushSync?.() };
}

/** Anything may have been thrown; what is no error has been redacted with the other fields. */
function serializeError(thrown: unknown): unknown {
  if (!(thrown instanceof Error)) return thrown;
  const { stack, ...said } = pino.stdSerializers.err(thrown);
  return redactFields(isForeseen(thrown) ? said : { ...said, stack });
}

/** Such a failure says all there is to know; of a defect, also of one underneath, the place in the program is what is looked for. */
function isForeseen(error: Error): boolean {
  if (!(error instanceof AppError ? error.code !== 'internal_error' : isErrno(error))) return false;
  return error.cause === undefined || (error.cause instanceof Error && isForeseen(error.cause));
}

/** A logger that drops everything, for callers that are not given one. */
export const silentLogger: Logger = pino({ level: 'silent' });
