/**
 * Which scopes are open, as configuration and projects say it now.
 */
import type { Scopes } from '../auth/authorize.js';
import type { ConfigFile } from '../config/config-file.js';
import type { ProjectRegistry, RegisteredProject } from '../store/project-registry.js';

function isOpen(project: RegisteredProject): boolean {
  return project.kind === 'served' && project.store.isOpen;
}

/** The open scopes of a server. */
export class ProjectScopes implements Scopes {
  readonly #config: ConfigFile;
  readonly #registry: ProjectRegistry;

  constructor(config: ConfigFile, registry: ProjectRegistry) {
    this.#config = config;
    this.#registry = registry;
  }

  /** True when the global routes are open. */
  get globalOpen(): boolean {
    return this.#config.document.default?.authentication?.enabled === false;
  }

  /** True when any scope is open. Looks at no project, since it is asked for with every request that names a host. */
  get anyOpen(): boolean {
    return this.globalOpen || this.#registry.openCount > 0;
  }

  /** Ids of the open projects. */
  get openProjects(): readonly string[] {
    const open: string[] = [];
    for (const project of this.#registry.list()) if (project.kind === 'served' && isOpen(project)) open.push(project.store.id);
    return open;
  }

  isProjectOpen(project: string): boolean {
    const found = this.#registry.get(project);
    return found !== undefined && isOpen(found);
  }
}
