/**
 * The series of the history, as rings of typed arrays: a value for each step, where the newest takes the place of the oldest.
 */
import { invariant } from '../base/invariant.js';

/** Values of a step, by series; what is left out is not known. */
type StepValues<Name extends string> = Readonly<Partial<Record<Name, number>>>;

/** Kinds of numbers: whole ones up to 16 million and shares take 4 bytes, others 8. */
export type NumberKind = 'single' | 'double';

/** Some series with the same steps. */
export class HistoryRings<Name extends string> {
  readonly #rings: ReadonlyMap<Name, Float32Array | Float64Array>;
  readonly #steps: number;
  /** The newest step; all before the first are unknown. */
  #newest: number;

  /**
   * @param series their names, and the kind of their numbers
   * @param steps number of steps that are kept
   * @param newest the step before the first one
   */
  constructor(series: Readonly<Record<Name, NumberKind>>, steps: number, newest: number) {
    const entries = Object.entries<NumberKind>(series).map(([name, kind]) => {
      const ring = kind === 'single' ? new Float32Array(steps) : new Float64Array(steps);
      return [name as Name, ring.fill(Number.NaN)] as const;
    });
    this.#rings = new Map(entries);
    this.#steps = steps;
    this.#newest = newest;
  }

  /** Adds a step. The steps that were left out since the newest one are unknown. */
  add(step: number, values: StepValues<Name>): void {
    invariant(step > this.#newest, 'steps are added in order');
    const first = Math.max(this.#newest + 1, step - this.#steps + 1);
    for (const [name, ring] of this.#rings) {
      for (let skipped = first; skipped < step; skipped += 1) ring[skipped % this.#steps] = Number.NaN;
      ring[step % this.#steps] = values[name] ?? Number.NaN;
    }
    this.#newest = step;
  }

  /**
   * Reads the steps up to one, oldest first.
   *
   * @param count number of steps, up to all that are kept
   * @returns null where a value is not known
   */
  read(upTo: number, count: number): Readonly<Record<Name, readonly (number | null)[]>> {
    const entries = [...this.#rings].map(([name, ring]) => [name, this.#readOne(ring, upTo, count)] as const);
    return Object.fromEntries(entries) as Record<Name, readonly (number | null)[]>;
  }

  #readOne(ring: Float32Array | Float64Array, upTo: number, count: number): readonly (number | null)[] {
    return Array.from({ length: count }, (_, index) => {
      const step = upTo - count + 1 + index;
      const isKept = step >= 0 && step <= this.#newest && step > this.#newest - this.#steps;
      const value = isKept ? ring[step % this.#steps] ?? Number.NaN : Number.NaN;
      return Number.isNaN(value) ? null : rounded(value);
    });
  }
}

const DIGITS = 7;

/** A number of 4 bytes has no more digits than these; whole numbers stay as they are. */
function rounded(value: number): number {
  return Number.isInteger(value) ? value : Number(value.toPrecision(DIGITS));
}
