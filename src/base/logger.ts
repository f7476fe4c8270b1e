/**
 * The server's own log: one JSON object a line on standard output, or a readable form in a terminal. The only user of pino.
 */
import { pino, type DestinationStream, type Logger as PinoLogger } from 'pino';
import { createReadableForm } from './readable-log.js';
import { redactFields } from './redact.js';

/** What rooms may call; a subset of pino's logger. Without `child`: what a child is bound to would not be redacted. */
export type Logger = Pick<PinoLogger, 'trace' | 'debug' | 'info' | 'warn' | 'error' | 'fatal'>;

/** The levels that the configuration may name. */
export const LOG_LEVELS = ['trace', 'debug', 'info', 'warn', 'error', 'fatal', 'silent'] as const;

/** One of {@link LOG_LEVELS}. */
export type LogLevel = (typeof LOG_LEVELS)[number];

/** How {@link createLogger} writes. */
export interface LoggerOptions {
  /** Lines below this level are dropped. @default 'info' */
  readonly level?: LogLevel;
  /** True for people at a terminal: one short line for a request, colours, no JSON. @default false */
  readonly readable?: boolean;
  /** Where lines go. @default standard output */
  readonly destination?: DestinationStream;
}

/**
 * Makes the logger that everything else is handed.
 *
 * @param options level, form and destination
 * @returns a logger that replaces keys of access by `[redacted]`, in fields and in errors
 */
export function createLogger(options: LoggerOptions = {}): Logger {
  const settings = {
    level: options.level ?? 'info',
    base: null,
    timestamp: pino.stdTimeFunctions.isoTime,
    formatters: { level: (label: string) => ({ level: label }), log: redactFields },
    serializers: { err: serializeError },
  };
  if (options.readable === true) {
    const destination = options.destination ?? pino.destination({ sync: true });
    const toReadable = createReadableForm();
    return pino(settings, { write: (line: string) => void destination.write(toReadable(line)) });
  }
  return options.destination === undefined ? pino(settings) : pino(settings, options.destination);
}

/** Anything may have been thrown; what is no error has been redacted with the other fields. */
function serializeError(thrown: unknown): unknown {
  return thrown instanceof Error ? redactFields(pino.stdSerializers.err(thrown)) : thrown;
}

/** A logger that drops everything, for callers that are not given one. */
export const silentLogger: Logger = pino({ level: 'silent' });
