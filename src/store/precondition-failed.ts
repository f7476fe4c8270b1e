/**
 * The refusal of a write whose condition does not hold.
 */
import { AppError } from '../base/app-error.js';
import { type KeyVersion, versionTag } from '../events/key-version.js';

/** The version that a decision found: its tag is not known before the line that makes it is written. */
export interface FoundVersion {
  /** 0: there is no version, because the key does not exist. */
  readonly seq: number;
  readonly tag: number | undefined;
}

/** The condition of a write does not hold. */
export class PreconditionFailedError extends AppError {
  override readonly name = 'PreconditionFailedError';
  readonly #found: FoundVersion;
  #tag: number | undefined;

  /** @param found the version that the condition was compared with */
  constructor(message: string, facts: AppError['facts'], found: FoundVersion) {
    super('precondition_failed', message, { facts });
    this.#found = found;
    this.#tag = found.tag;
  }

  /** The current version; undefined if the key does not exist. */
  get current(): KeyVersion | undefined {
    const { seq } = this.#found;
    return seq === 0 || this.#tag === undefined ? undefined : { seq, tag: this.#tag };
  }

  /** Returns the same for an operation of a batch. */
  inBatch(index: number, key: string): PreconditionFailedError {
    const message = `Nothing was changed: operation ${index} of the batch failed. ${this.message}`;
    return new PreconditionFailedError(message, { op_index: index, key, ...this.facts }, this.#found);
  }

  /**
   * Completes the version if a line of the same turn made it.
   *
   * @param lines of the turn, in their order
   */
  complete(lines: readonly { readonly seq: number; readonly hash: string }[]): void {
    const [first] = lines;
    const line = first && lines[this.#found.seq - first.seq];
    if (line !== undefined) this.#tag ??= versionTag(line.hash);
  }
}
