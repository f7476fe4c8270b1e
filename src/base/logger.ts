/**
 * The server's own log: one JSON object a line on standard output, or a readable form in a terminal. The only user of pino.
 */
import { pino, type DestinationStream, type Logger as PinoLogger } from 'pino';
import pretty from 'pino-pretty';

/** What rooms may call; a subset of pino's logger. */
export type Logger = Pick<PinoLogger, 'trace' | 'debug' | 'info' | 'warn' | 'error' | 'fatal' | 'child'>;

/** The levels that the configuration may name. */
export const LOG_LEVELS = ['trace', 'debug', 'info', 'warn', 'error', 'fatal', 'silent'] as const;

/** One of {@link LOG_LEVELS}. */
export type LogLevel = (typeof LOG_LEVELS)[number];

/** How {@link createLogger} writes. */
export interface LoggerOptions {
  /** Lines below this level are dropped. @default 'info' */
  readonly level?: LogLevel;
  /** True for people at a terminal: colours and short lines instead of JSON. @default false */
  readonly readable?: boolean;
  /** Where lines go. @default standard output */
  readonly destination?: DestinationStream;
}

/** Fields that would carry a key of access if somebody logged the object that holds them. */
const REDACTED_PATHS = ['api_key', '*.api_key', 'authorization', '*.authorization', '["x-api-key"]', '*["x-api-key"]', 'api_key_hash', '*.api_key_hash'];

/**
 * Makes the logger that everything else is handed.
 *
 * @param options level, form and destination
 * @returns a logger that replaces keys of access by `[redacted]`
 */
export function createLogger(options: LoggerOptions = {}): Logger {
  const settings = {
    level: options.level ?? 'info',
    base: null,
    timestamp: pino.stdTimeFunctions.isoTime,
    formatters: { level: (label: string) => ({ level: label }) },
    redact: { paths: REDACTED_PATHS, censor: '[redacted]' },
  };
  if (options.readable === true) {
    const stream = pretty({ ...(options.destination === undefined ? {} : { destination: options.destination }), sync: true, translateTime: 'SYS:HH:MM:ss.l' });
    return pino(settings, stream);
  }
  return options.destination === undefined ? pino(settings) : pino(settings, options.destination);
}

/** A logger that drops everything, for callers that are not given one. */
export const silentLogger: Logger = pino({ level: 'silent' });
