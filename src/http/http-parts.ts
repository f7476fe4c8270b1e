/**
 * The parts that requests are answered with.
 */
import type { Scopes } from '../auth/authorize.js';
import type { FailedKeyThrottle } from '../auth/failed-key-throttle.js';
import type { Keyring } from '../auth/keyring.js';
import type { Logger, ServerLogHealth } from '../base/logger.js';
import type { Projects } from '../projects/projects.js';
import type { EventLoopTurns } from './event-loop-turns.js';
import type { HttpOptions } from './http-options.js';

/** Which scopes are open, and whether any is. */
interface OpenScopes extends Scopes {
  /** True when global authentication or that of any project is off. */
  readonly anyOpen: boolean;
}

/** The phase of the server. */
export type LifecycleState = 'starting' | 'serving' | 'stopping';

/** All parts. */
export interface HttpParts {
  readonly projects: Projects;
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
}
