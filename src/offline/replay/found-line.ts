/**
 * A line of a log that matches, as commands show it. Decodes the fields of its operation only when they are asked for.
 */
import type { TextPlace } from '../../base/text-place.js';
import type { KeyChanged } from '../../events/event.js';
import { placeOfLine } from '../../log/line-format.js';
import type { LogLine } from '../../log/log.js';
import { changesIn, type LineFilter } from './line-filter.js';

/** A matching line. */
export class FoundLine {
  readonly #line: LogLine;
  readonly #filter: LineFilter;

  constructor(line: LogLine, filter: LineFilter) {
    this.#line = line;
    this.#filter = filter;
  }

  get seq(): number {
    return this.#line.seq;
  }

  /** In milliseconds since 1970. */
  get timeMs(): number {
    return this.#line.timeMs;
  }

  get op(): string {
    return this.#line.op;
  }

  get actor(): string {
    return this.#line.actor;
  }

  get request(): string {
    return this.#line.request;
  }

  /** The fields of the operation, as JSON members without braces. */
  get fields(): string {
    return this.#line.body;
  }

  /** Whether its values were erased. */
  get isErased(): boolean {
    return this.#line.erasedBy !== undefined;
  }

  /** The place of the whole line. Keeps nothing of the line in memory. */
  get place(): TextPlace {
    return placeOfLine(this.#line);
  }

  /**
   * The matching changes of single keys; none for an operation that changes no single keys.
   *
   * @throws {UnknownEventError} for an event that this version cannot read
   */
  changes(): readonly KeyChanged[] {
    return changesIn(this.#line, this.#filter);
  }
}
