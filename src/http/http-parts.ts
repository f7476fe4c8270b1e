/**
 * The parts that requests are answered with.
 */
import type { Scopes } from '../auth/authorize.js';
import type { FailedKeyThrottle } from '../auth/failed-key-throttle.js';
import type { Keyring } from '../auth/keyring.js';
import type { Logger, ServerLogHealth } from '../base/logger.js';
import type { Projects } from '../projects/projects.js';
import type { ReloadedProject } from '../projects/reload/reload-outcome.js';
import type { CommandContext } from '../store/command.js';
import type { EventLoopTurns } from './event-loop-turns.js';
import type { HttpObserver, MeasuredServer } from './http-observer.js';
import type { HttpOptions } from './http-options.js';

/** Which scopes are open, and whether any is. */
interface OpenScopes extends Scopes {
  /** True when global authentication or that of any project is off. */
  readonly anyOpen: boolean;
}

/** The phase of the server. */
export type LifecycleState = 'starting' | 'serving' | 'stopping';

/** What a reload of the configuration changed. */
export interface ReloadOutcome {
  /** Paths of the settings of the server that came into force, as `limits.max_connections`; `tls` for the key or the certificate. */
  readonly changed: readonly string[];
  /** Paths of those that a restart would bring into force. */
  readonly needsRestart: readonly string[];
  readonly projects: readonly ReloadedProject[];
}

/** Reloads the configuration; a trial only says what that would change. */
export type Reload = (options: { readonly isTrial: boolean }, context: CommandContext) => Promise<ReloadOutcome>;

/** All parts. */
export interface HttpParts {
  readonly projects: Projects;
  readonly reload: Reload;
  readonly keyring: Keyring;
  readonly throttle: FailedKeyThrottle;
  readonly scopes: OpenScopes;
  readonly logger: Logger;
  /** Whether the lines of the server log are written; undefined if that is unknown. */
  readonly serverLogHealth?: (() => ServerLogHealth) | undefined;
  readonly options: HttpOptions;
  /** Returns the current phase of the server; called at every request. */
  readonly phase: () => LifecycleState;
  /** The program's version. */
  readonly version: string;
  /** Shared with the HTTP server, which reports new connections to it. */
  readonly turns: EventLoopTurns;
  readonly observer: HttpObserver;
  readonly measured: MeasuredServer;
}
