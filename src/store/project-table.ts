/**
 * The table of the loaded projects: served and refused ones.
 */
import { AppError } from '../base/app-error.js';
import type { ErrorCode } from '../base/error-codes.js';
import { compareUtf8 } from '../base/compare-utf8.js';
import type { ProjectSettings } from '../events/project-settings.js';
import type { ProjectStore } from './project-store.js';

/**
 * Why a project is refused.
 *
 * - `project_corrupt`: its files are damaged or could not be opened, or the outcome of its deletion is unknown.
 * - `project_missing`: its files are not in the data folder.
 * - `project_outdated`: its files are older than the writes that it has acknowledged, or its entry is too old to be compared with them.
 * - `project_newer_format`: a newer version wrote its files.
 */
export type RefusalCode = Extract<ErrorCode, 'project_corrupt' | 'project_missing' | 'project_outdated' | 'project_newer_format'>;

/** A project that is not served. */
export interface RefusedProject {
  readonly id: string;
  readonly code: RefusalCode;
  /** The reason, for the server log only. */
  readonly reason: string;
  /** The settings in the configuration. */
  readonly settings: ProjectSettings;
}

/** A project in the table. */
export type RegisteredProject =
  | { readonly kind: 'served'; readonly identity: symbol; readonly store: ProjectStore }
  | { readonly kind: 'refused'; readonly identity: symbol; readonly project: RefusedProject };

/** The counted facts of a project. */
interface CountedFacts {
  readonly isWritable: boolean;
  readonly isOpenScope: boolean;
}

/** The facts of a project that is refused or not in the table. */
const NEITHER: CountedFacts = { isWritable: false, isOpenScope: false };

/**
 * All projects. The table updates its counts of open projects and of projects that cannot write whenever one changes: probes and the
 * check of `Host` need them on every request, and a walk over thousands of projects would take milliseconds.
 */
export class ProjectTable {
  readonly #projects = new Map<string, RegisteredProject>();
  /** The facts that the counters include, by project. */
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

  /** Updates the counters by the difference between the counted and the current facts. Nothing else changes them. */
  #count(id: string): void {
    const before = this.#counted.get(id) ?? NEITHER;
    const found = this.#projects.get(id);
    const now = found?.kind === 'served' ? factsOf(found.store) : NEITHER;
    this.#openCount += Number(now.isOpenScope) - Number(before.isOpenScope);
    if (found === undefined || now.isWritable) this.#degraded.delete(id);
    else this.#degraded.add(id);
    if (found === undefined) this.#counted.delete(id);
    else this.#counted.set(id, now);
  }

  /** A project keeps its identity when it changes between served and refused; a new project of the same id gets another one. */
  #identify(id: string): symbol {
    return this.#projects.get(id)?.identity ?? Symbol(id);
  }

  remove(id: string): void {
    this.#projects.delete(id);
    this.#count(id);
  }

  /** A project by its id, undefined if there is none. */
  get(id: string): RegisteredProject | undefined {
    return this.#projects.get(id);
  }

  /**
   * The store of a served project.
   *
   * @throws {AppError} `project_not_found`; its {@link RefusalCode} for a refused one
   */
  store(id: string): ProjectStore {
    const found = this.#projects.get(id);
    if (found === undefined) throw new AppError('project_not_found', `Cannot find the project "${id}"`);
    if (found.kind === 'served') return found.store;
    throw new AppError(found.project.code, `Cannot serve the project "${id}": the server log says why`);
  }

  /** Number of projects. */
  get count(): number {
    return this.#projects.size;
  }

  /** Number of projects that can write. */
  get writableCount(): number {
    return this.#projects.size - this.#degraded.size;
  }

  /** Number of projects served without authentication. */
  get openCount(): number {
    return this.#openCount;
  }

  /** All projects, sorted by id. */
  list(): readonly RegisteredProject[] {
    return [...this.#projects].sort(([a], [b]) => compareUtf8(a, b)).map(([, project]) => project);
  }

  /** The ids of all projects, sorted. */
  ids(): readonly string[] {
    return [...this.#projects.keys()].sort(compareUtf8);
  }

  /** The stores of all served projects, in no particular order. */
  *stores(): Generator<ProjectStore> {
    for (const project of this.#projects.values()) if (project.kind === 'served') yield project.store;
  }

  /** The projects that cannot write, sorted by id. */
  degraded(): readonly RegisteredProject[] {
    return [...this.#degraded].sort(compareUtf8).flatMap((id) => this.#projects.get(id) ?? []);
  }

  /** Number of reads in all projects that found something else on disk than what was written. */
  get damagedReads(): number {
    let count = 0;
    for (const { reads } of this.stores()) count += reads.damagedReads;
    return count;
  }
}

function factsOf(store: ProjectStore): CountedFacts {
  return { isWritable: store.logState === 'writable', isOpenScope: store.isOpenScope };
}
