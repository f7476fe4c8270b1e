/**
 * What the lives of projects are made of, handed from the composition root to those who need it.
 */
import type { Keyring } from '../auth/keyring.js';
import type { Logger } from '../base/logger.js';
import type { ConfigFile } from '../config/config-file.js';
import type { ProjectSettings } from '../events/project-settings.js';
import type { LogHome } from '../log/log.js';
import type { ProjectRegistry } from '../store/project-registry.js';
import type { StoreLimits } from '../store/project-store.js';

/** Everything that a project's life touches. */
export interface ProjectResources {
  readonly registry: ProjectRegistry;
  readonly config: ConfigFile;
  readonly keyring: Keyring;
  /** Where the logs of projects with `on_disk: true` and the server's own log are kept. */
  readonly diskHome: LogHome;
  /** Where the logs of projects with `on_disk: false` are kept. */
  readonly memoryHome: LogHome;
  readonly limits: StoreLimits;
  readonly logger: Logger;
  /** Shows a person a key that was made for a new project, once. */
  readonly announceKey: (project: string, key: string) => void;
}

/**
 * The home that a project's log belongs to.
 *
 * @param resources both homes
 * @param settings the project's settings
 * @returns one of them
 */
export function homeOf(resources: Pick<ProjectResources, 'diskHome' | 'memoryHome'>, settings: ProjectSettings): LogHome {
  return settings.storage.on_disk ? resources.diskHome : resources.memoryHome;
}
