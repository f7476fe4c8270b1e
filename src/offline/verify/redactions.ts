/**
 * What the lines of a log say about erased values, for a verification of its project.
 */
import { countText } from '../../base/count-text.js';
import type { LogLine } from '../../log/log.js';
import { projectEventOf } from '../project-files.js';

/** The redactions of one log. */
export class LogRedactions {
  readonly #erased = new Set<number>();
  #lastSeq = 0;
  #dueCount = 0;
  /** The digest of the base of the log as a line says it was before, and after. */
  readonly #bases = new Map<string, string>();

  /** Takes the next line. */
  take(line: LogLine): void {
    if (line.erasedBy !== undefined) this.#erased.add(line.seq);
    const event = line.op === 'redact' ? projectEventOf(line) : undefined;
    if (event?.op !== 'redact') return;
    this.#lastSeq = line.seq;
    if (event.base !== undefined) this.#bases.set(event.base.old, event.base.new);
    this.#dueCount += event.lines.filter(({ seq, digest }) => digest !== null && !this.#erased.has(seq)).length;
  }

  /** Seq of the last redaction; 0 if there is none. A snapshot of earlier lines may have values that the log no longer has. */
  get lastSeq(): number {
    return this.#lastSeq;
  }

  /** Whether the base of a log that names one digest may have another. */
  mayReplace(named: string, found: string): boolean {
    for (let digest: string | undefined = named; digest !== undefined; digest = this.#bases.get(digest)) if (digest === found) return true;
    return false;
  }

  /** A remark if values are still to be erased. */
  get note(): string | undefined {
    if (this.#dueCount === 0) return undefined;
    const count = countText(this.#dueCount, 'line');
    return `the values of ${count} are still to be erased, as a later line says; the server does that when it next serves the project`;
  }
}
