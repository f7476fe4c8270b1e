/**
 * The server's own log: one JSON object a line on standard output, or a readable form in a terminal. The only user of pino.
 */
import { Writable } from 'node:stream';
import { pino, type DestinationStream, type Logger as PinoLogger } from 'pino';
import pretty from 'pino-pretty';
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
  /** True for people at a terminal: colours and short lines instead of JSON. @default false */
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
    const destination = options.destination === undefined ? {} : { destination: writableOver(options.destination) };
    return pino(settings, pretty({ ...destination, sync: true, translateTime: 'SYS:HH:MM:ss.l' }));
  }
  return options.destination === undefined ? pino(settings) : pino(settings, options.destination);
}

/** Anything may have been thrown; what is no error has been redacted with the other fields. */
function serializeError(thrown: unknown): unknown {
  return thrown instanceof Error ? redactFields(pino.stdSerializers.err(thrown)) : thrown;
}

/** The readable form is made by a pipe, which wants more of its end than the one method that pino asks for. */
function writableOver(destination: DestinationStream): Writable {
  return new Writable({
    decodeStrings: false,
    write: (piece: string | Buffer, _encoding, done) => {
      destination.write(piece.toString());
      done();
    },
  });
}

/** A logger that drops everything, for callers that are not given one. */
export const silentLogger: Logger = pino({ level: 'silent' });
