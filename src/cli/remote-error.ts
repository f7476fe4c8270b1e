/**
 * The failure of a request to a server. A file of its own, because the exit codes need it and must not load the client.
 */

/** A server could not be asked, or refused. */
export class RemoteError extends Error {
  override readonly name: string = 'RemoteError';
  /** One of the exit codes. */
  readonly exitCode: number;
  /** The code of the problem; undefined if there was no answer. */
  readonly code: string | undefined;
  /** The facts of the problem. */
  readonly facts: Readonly<Record<string, unknown>>;

  constructor(
    message: string, exitCode: number, { cause, code, facts = {} }: {
      readonly cause?: unknown; readonly code?: string | undefined; readonly facts?: Readonly<Record<string, unknown>>;
    } = {},
  ) {
    super(message, { cause });
    this.exitCode = exitCode;
    this.code = code;
    this.facts = facts;
  }
}
