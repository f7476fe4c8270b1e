/**
 * What happens in a step of the history, as plain numbers: for the server, and for each project with which something happened. A step
 * begins with nothing, so it holds no more projects than were used in it.
 */

/** Counts of a step. */
export interface StepCounts {
  requests: number;
  /** Lines appended. */
  writes: number;
  /** Answers with a status from 400 to 499. */
  problems4xx: number;
  /** Answers with a status from 500. */
  problems5xx: number;
}

const CLIENT_ERROR_CLASS = 4;
const SERVER_ERROR_CLASS = 5;

/** A step that is over. */
export interface Step {
  readonly server: StepCounts;
  readonly projects: ReadonlyMap<string, StepCounts>;
}

/** Returns counts of nothing. */
export function noCounts(): StepCounts {
  return { requests: 0, writes: 0, problems4xx: 0, problems5xx: 0 };
}

/** The step in progress. */
export class Activity {
  #server = noCounts();
  #projects = new Map<string, StepCounts>();

  /**
   * Counts an answered request.
   *
   * @param project one that exists; undefined for none
   * @param statusClass the first digit of the status
   */
  answered(project: string | undefined, statusClass: number): void {
    countAnswer(this.#server, statusClass);
    if (project !== undefined) countAnswer(this.#of(project), statusClass);
  }

  /**
   * Counts lines.
   *
   * @param project one that exists
   */
  wrote(project: string, lines: number): void {
    this.#server.writes += lines;
    this.#of(project).writes += lines;
  }

  #of(project: string): StepCounts {
    const known = this.#projects.get(project);
    if (known !== undefined) return known;
    const made = noCounts();
    this.#projects.set(project, made);
    return made;
  }

  /** Ends the step and begins the next. */
  take(): Step {
    const step = { server: this.#server, projects: this.#projects };
    this.#server = noCounts();
    this.#projects = new Map();
    return step;
  }
}

function countAnswer(counts: StepCounts, statusClass: number): void {
  counts.requests += 1;
  if (statusClass === CLIENT_ERROR_CLASS) counts.problems4xx += 1;
  else if (statusClass === SERVER_ERROR_CLASS) counts.problems5xx += 1;
}
