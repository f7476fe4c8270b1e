/**
 * The projects that this server knows: those that it serves, and those that it refuses.
 */
import { AppError } from '../base/app-error.js';
import type { ErrorCode } from '../base/error-codes.js';
import { compareUtf8 } from '../base/compare-utf8.js';
import type { ProjectSettings } from '../events/project-settings.js';
import type { ProjectStore } from './project-store.js';

/**
 * Why a project is refused.
 *
 * - `project_corrupt`: its files are damaged, or what became of them cannot be said.
 * - `project_missing`: they are not in the data folder.
 * - `project_outdated`: they are older than what it had acknowledged.
 * - `project_newer_format`: a newer version wrote them.
 */
export type RefusalCode = Extract<ErrorCode, 'project_corrupt' | 'project_missing' | 'project_outdated' | 'project_newer_format'>;

/** A project that cannot be served: its files, or what the configuration says of them, cannot be trusted. */
export interface RefusedProject {
  readonly id: string;
  readonly code: RefusalCode;
  /** Why, for the server log only. */
  readonly reason: string;
  /** What the configuration says. */
  readonly settings: ProjectSettings;
}

/** A project by its id. */
export type RegisteredProject =
  | { readonly kind: 'served'; readonly identity: symbol; readonly store: ProjectStore }
  | { readonly kind: 'refused'; readonly identity: symbol; readonly project: RefusedProject };

/** What is counted of a project. */
interface CountedFacts {
  readonly isWritable: boolean;
  readonly isOpen: boolean;
}

const NOTHING: CountedFacts = { isWritable: false, isOpen: false };

/**
 * All projects. Which of them cannot write and how many are open is noted as they change: probes and the check of `Host` ask for
 * that on every request, and a walk over thousands of projects would cost milliseconds each time.
 */
export class ProjectTable {
  readonly #projects = new Map<string, RegisteredProject>();
  /** What the counters hold of each project; they change by the difference to what is so now. */
  readonly #counted = new Map<string, CountedFacts>();
  /** Ids of the projects that cannot write. */
  readonly #degraded = new Set<string>();
  #openCount = 0;

  serve(store: ProjectStore): void {
    this.#projects.set(store.id, { kind: 'served', identity: this.#identify(store.id), store });
    store.onChange(() => this.#count(store.id));
    this.#count(store.id);
  }

  refuse(project: RefusedProject): void {
    this.#projects.set(project.id, { kind: 'refused', identity: this.#identify(project.id), project });
    this.#count(project.id);
  }

  /** The one place where the counters change: whatever has become of a project, it is looked at anew. */
  #count(id: string): void {
    const before = this.#counted.get(id) ?? NOTHING;
    const found = this.#projects.get(id);
    const now = found?.kind === 'served' ? factsOf(found.store) : NOTHING;
    this.#openCount += Number(now.isOpen) - Number(before.isOpen);
    if (found === undefined || now.isWritable) this.#degraded.delete(id);
    else this.#degraded.add(id);
    if (found === undefined) this.#counted.delete(id);
    else this.#counted.set(id, now);
  }

  /** Refused after it was served, or served after it was refused, a project is the same one; one that is made after a removal is not. */
  #identify(id: string): symbol {
    return this.#projects.get(id)?.identity ?? Symbol(id);
  }

  remove(id: string): void {
    this.#projects.delete(id);
    this.#count(id);
  }

  /** @returns the project, undefined when there is none */
  get(id: string): RegisteredProject | undefined {
    return this.#projects.get(id);
  }

  /**
   * The store of a project that is served.
   *
   * @throws {AppError} `project_not_found`; its {@link RefusalCode} for one that is refused
   */
  store(id: string): ProjectStore {
    const found = this.#projects.get(id);
    if (found === undefined) throw new AppError('project_not_found', `Cannot find the project "${id}"`);
    if (found.kind === 'served') return found.store;
    throw new AppError(found.project.code, `Cannot serve the project "${id}": the server log says why`);
  }

  /** How many projects there are. */
  get count(): number {
    return this.#projects.size;
  }

  /** How many of them can write. */
  get writableCount(): number {
    return this.#projects.size - this.#degraded.size;
  }

  /** How many of them are served without authentication. */
  get openCount(): number {
    return this.#openCount;
  }

  /** @returns all projects, sorted by id */
  list(): readonly RegisteredProject[] {
    return [...this.#projects].sort(([a], [b]) => compareUtf8(a, b)).map(([, project]) => project);
  }

  /** @returns the projects that cannot write, sorted by id */
  degraded(): readonly RegisteredProject[] {
    return [...this.#degraded].sort(compareUtf8).flatMap((id) => this.#projects.get(id) ?? []);
  }

  /** How many reads of values from disk found something else than was written, in all projects. */
  get damagedReads(): number {
    let count = 0;
    for (const project of this.#projects.values()) if (project.kind === 'served') count += project.store.reads.damagedReads;
    return count;
  }
}

function factsOf(store: ProjectStore): CountedFacts {
  return { isWritable: store.logState === 'writable', isOpen: store.isOpen };
}
