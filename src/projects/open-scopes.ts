/**
 * Which scopes are open now, that is, need no API key: decided by the configuration and the projects.
 */
import type { Scopes } from '../auth/authorize.js';
import type { Logger } from '../base/logger.js';
import { ANY_ORIGIN } from '../base/origin.js';
import { ConfigError } from '../config/config-error.js';
import type { ProjectTable, RegisteredProject } from '../store/project-table.js';

function isOpen(project: RegisteredProject): boolean {
  return project.kind === 'served' && project.store.isOpenScope;
}

/** The open scopes of a server. */
export class OpenScopes implements Scopes {
  readonly #isGlobalOpen: () => boolean;
  readonly #table: ProjectTable;

  /** @param isGlobalOpen whether authentication of the global routes is off now */
  constructor(isGlobalOpen: () => boolean, table: ProjectTable) {
    this.#isGlobalOpen = isGlobalOpen;
    this.#table = table;
  }

  /** True if the global routes are open. */
  get globalOpen(): boolean {
    return this.#isGlobalOpen();
  }

  /** True if any scope is open. Does not walk over the projects, because it is checked on every request that names a host. */
  get anyOpen(): boolean {
    return this.globalOpen || this.#table.openCount > 0;
  }

  /** Ids of the open projects. */
  get openProjects(): readonly string[] {
    const open: string[] = [];
    for (const project of this.#table.list()) if (project.kind === 'served' && isOpen(project)) open.push(project.store.id);
    return open;
  }

  /**
   * Refuses to serve open scopes to pages of every site. The configuration was checked for this, but a log can be newer than its entry.
   *
   * @param allowedOrigins the setting `allowed_origins`
   * @throws {ConfigError}
   */
  assertClosedTo(allowedOrigins: readonly string[]): void {
    if (!this.anyOpen || !allowedOrigins.includes(ANY_ORIGIN)) return;
    const names = this.openProjects.map((id) => `"${id}"`).join(', ');
    const expected = `exact origins: by its log, authentication is off for ${names}, which every web page could read and change`;
    throw new ConfigError({ pointer: '/allowed_origins', found: `a list with "${ANY_ORIGIN}"`, expected });
  }

  /** Logs a warning for each open scope. */
  warnOfOpen(logger: Logger): void {
    const everyone = 'everyone who can reach this server can';
    if (this.globalOpen) {
      logger.warn(`authentication of the global routes is off: ${everyone} create and delete projects and replace their API keys`);
    }
    for (const project of this.openProjects) {
      logger.warn({ project }, `authentication of a project is off: ${everyone} read and change all of its data`);
    }
  }

  isProjectOpen(project: string): boolean {
    const found = this.#table.get(project);
    return found !== undefined && isOpen(found);
  }
}
