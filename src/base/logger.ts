/**
 * The server log as every room uses it: its calls, its levels, its destination. `server-log.ts` creates one.
 */
import type { Logger as PinoLogger } from 'pino';

/** The logger interface of every room, a subset of pino's. Without `child`: the fields of a child would not be redacted. */
export interface Logger extends Pick<PinoLogger, 'trace' | 'debug' | 'info' | 'warn' | 'error' | 'fatal'> {
  /** For the most frequent line. */
  readonly infoLines: InfoLines;
}

/** A logger whose level can change. */
export interface AdjustableLogger extends Logger {
  /** Drops lines below this level from now on; absent for a logger that has none. */
  readonly setLevel?: (level: LogLevel) => void;
}

/** Lines of level `info` that are text already. They are not redacted. */
export interface InfoLines {
  /** False while the level is off: then nothing needs to be made. */
  readonly isEnabled: boolean;
  /**
   * Adds a line. All lines of one turn of the event loop are written together.
   *
   * @param fields JSON text of the members, without braces
   * @param message needs no escaping
   */
  add(fields: string, message: string): void;
  /** Writes the lines of this turn now: the process is about to end. */
  flush(): void;
}

/** The levels that the configuration accepts. */
export const LOG_LEVELS = ['trace', 'debug', 'info', 'warn', 'error', 'fatal', 'silent'] as const;

/** One of {@link LOG_LEVELS}. */
export type LogLevel = (typeof LOG_LEVELS)[number];

/** Whether the lines of the server log reach their destination. */
export interface ServerLogHealth {
  readonly ok: boolean;
  /** Short text for an operator. */
  readonly detail: string;
}

const drop = (): void => undefined;

/** A logger that drops everything. */
export const silentLogger: Logger = {
  trace: drop, debug: drop, info: drop, warn: drop, error: drop, fatal: drop,
  infoLines: { isEnabled: false, add: drop, flush: drop },
};
