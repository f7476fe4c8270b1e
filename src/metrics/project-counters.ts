/**
 * What is counted for each project, and which projects have series of their own: the first ones, by id at the start and by creation
 * afterwards, until they are deleted. All others count together. So no counter ever goes back while its series exists.
 */
import { compareUtf8 } from '../base/compare-utf8.js';

/** How a compaction ended. */
export type CompactionOutcome = 'ok' | 'failed' | 'aborted';

/** The counts of one project, or of several together. */
export class ProjectCounts {
  /** Lines by operation. */
  readonly lines = new Map<string, number>();
  /** Bytes of these lines. */
  lineBytes = 0;
  tornTails = 0;
  expiredKeys = 0;
  readonly compactions: Record<CompactionOutcome, number> = { ok: 0, failed: 0, aborted: 0 };

  /** Counts a line. */
  addLine(op: string): void {
    this.lines.set(op, (this.lines.get(op) ?? 0) + 1);
  }

  /** Adds the counts of a project that loses its series. */
  add(other: ProjectCounts): void {
    for (const [op, count] of other.lines) this.lines.set(op, (this.lines.get(op) ?? 0) + count);
    this.lineBytes += other.lineBytes;
    this.tornTails += other.tornTails;
    this.expiredKeys += other.expiredKeys;
    for (const outcome of ['ok', 'failed', 'aborted'] as const) this.compactions[outcome] += other.compactions[outcome];
  }
}

/** The counts of all projects. */
export class ProjectCounters {
  /** Those of the projects without series of their own. */
  readonly #others = new ProjectCounts();
  /** The registry, whose log has a name that no project can have. */
  readonly #registry: { readonly name: string; readonly counts: ProjectCounts };
  readonly #own = new Map<string, ProjectCounts>();
  #projectsMax: number;
  /** False during the start: which projects there are is not known before. */
  #isSettled = false;
  /** True once something of another project was counted. */
  #hasOthers = false;

  /**
   * @param registry name of the log of the registry
   * @param projectsMax number of projects with series of their own
   */
  constructor(registry: string, projectsMax: number) {
    this.#registry = { name: registry, counts: new ProjectCounts() };
    this.#projectsMax = projectsMax;
  }

  /** Whether a project has series of its own. */
  isOwn(project: string): boolean {
    return this.#own.has(project);
  }

  /** The counts to which something of a project is added. */
  of(project: string): ProjectCounts {
    const known = this.#own.get(project);
    if (known !== undefined) return known;
    if (project === this.#registry.name) return this.#registry.counts;
    if (this.#isSettled && this.#own.size >= this.#projectsMax) {
      this.#hasOthers = true;
      return this.#others;
    }
    const made = new ProjectCounts();
    this.#own.set(project, made);
    return made;
  }

  /** Changes the number of projects with series of their own; in force from the next {@link ProjectCounters.settle} on. */
  setMax(projectsMax: number): void {
    this.#projectsMax = projectsMax;
  }

  /**
   * Takes note of the projects that exist: series of others end, and free ones go to the first of those that have none.
   *
   * @param projects ids, sorted
   */
  settle(projects: readonly string[]): void {
    const existing = new Set(projects);
    for (const project of this.#own.keys()) if (!existing.has(project)) this.#own.delete(project);
    const beyond = [...this.#own.keys()].sort(compareUtf8).slice(this.#projectsMax);
    for (const project of beyond) {
      this.#others.add(this.of(project));
      this.#hasOthers = true;
      this.#own.delete(project);
    }
    for (const project of projects) {
      if (this.#own.size >= this.#projectsMax) break;
      if (!this.#own.has(project)) this.#own.set(project, new ProjectCounts());
    }
    this.#isSettled = true;
  }

  /** All counts with the name that they are shown under: projects by id, the registry, and `others` if any project counts there. */
  *entries(others: string): Generator<readonly [name: string, counts: ProjectCounts]> {
    for (const id of [...this.#own.keys()].sort(compareUtf8)) yield [id, this.of(id)];
    yield [this.#registry.name, this.#registry.counts];
    if (this.#hasOthers) yield [others, this.#others];
  }
}
