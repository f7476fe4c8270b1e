/**
 * The fault of a file of profiles. A file of its own, because the exit codes need it and must not load what reads the file.
 */

/** The profiles cannot be used. */
export class ProfileError extends Error {
  override readonly name = 'ProfileError';
  /** One of the exit codes; undefined: that of a configuration that cannot be used. */
  readonly exitCode: number | undefined;

  constructor(message: string, exitCode?: number) {
    super(message);
    this.exitCode = exitCode;
  }
}
