/**
 * The one error of the client. Its code says what happened: one of the server's, or that there was no answer to rely on.
 */
import type { ProblemFacts, ProblemJson } from '../api/types.js';
import type { ErrorCode } from '../base/error-codes.js';

/**
 * What only the client can say. `network_error`: there was no complete answer; `timeout`: there was none in time; `bad_answer`: what
 * answered is not SimpleKV, such as a proxy.
 */
export type ClientErrorCode = 'network_error' | 'timeout' | 'bad_answer';

/** What went wrong. */
export type SimpleKvCode = ErrorCode | ClientErrorCode;

/** The facts of an error with this code. `etag` is the current version of a key whose condition did not hold, if there is one. */
export type FactsOf<Code extends SimpleKvCode> = Code extends 'precondition_failed'
  ? ProblemFacts['precondition_failed'] & { readonly etag?: string }
  : Code extends keyof ProblemFacts ? ProblemFacts[Code] : Readonly<Record<string, unknown>>;

/** What an error is made of. */
interface ErrorParts {
  readonly status?: number;
  readonly requestId?: string | undefined;
  readonly facts?: Readonly<Record<string, unknown>>;
  readonly retryAfterMs?: number | undefined;
  readonly cause?: unknown;
}

/** Statuses with which a proxy says that it could not reach the server, or not now. */
const PROXY_STATUS = /^(?:429|50[234])$/;

/** Answers that say that nothing was done, and that it may be done later. */
const REFUSED_FOR_NOW: ReadonlySet<SimpleKvCode> = new Set<SimpleKvCode>([
  'rate_limited', 'too_many_failed_keys', 'too_many_streams', 'starting', 'shutting_down', 'queue_full', 'busy', 'request_timeout',
  'incomplete_body',
]);

const MS_PER_SECOND = 1000;

/** What every method of the client rejects with, except for wrong arguments (`TypeError`) and the reason of an abort. */
export class SimpleKvError extends Error {
  override readonly name = 'SimpleKvError';
  /** What to match on; its meaning never changes. */
  readonly code: SimpleKvCode;
  /** The status of the answer; 0 if there was none. */
  readonly status: number;
  /** Names the request in the server log. */
  readonly requestId: string | undefined;
  /** What the answer says beside the message, such as `current_seq`; {@link isCode} knows their types. */
  readonly facts: Readonly<Record<string, unknown>>;
  /** How long the server asks to wait before the next attempt, in milliseconds. */
  readonly retryAfterMs: number | undefined;

  constructor(code: SimpleKvCode, message: string, { status = 0, requestId, facts = {}, retryAfterMs, cause }: ErrorParts = {}) {
    super(message, cause === undefined ? undefined : { cause });
    this.code = code;
    this.status = status;
    this.requestId = requestId;
    this.facts = facts;
    this.retryAfterMs = retryAfterMs;
  }

  /** True if the same request may succeed later, and if repeating it cannot do harm or the server would recognize it. */
  get isRetryable(): boolean {
    return this.isUnanswered || REFUSED_FOR_NOW.has(this.code);
  }

  /** True if nothing says whether the request was carried out. `outcome_unknown` is not among these: there the server does not know. */
  get isUnanswered(): boolean {
    if (this.code === 'bad_answer') return PROXY_STATUS.test(String(this.status));
    return this.code === 'network_error' || this.code === 'timeout';
  }
}

/** An error whose code, and with it the facts, are known. */
export type SimpleKvErrorOf<Code extends SimpleKvCode> = Omit<SimpleKvError, 'code' | 'facts'> & {
  readonly code: Code;
  readonly facts: FactsOf<Code>;
};

/**
 * Tells whether something that was thrown is an error with this code.
 *
 * @param error anything
 */
export function isCode<Code extends SimpleKvCode>(error: unknown, code: Code): error is SimpleKvErrorOf<Code> {
  return error instanceof SimpleKvError && error.code === code;
}

/**
 * Makes the error of an answer that is not a success.
 *
 * @param what the request, for the message
 * @param text the body
 */
export function errorOfAnswer(what: string, { status, headers }: Pick<Response, 'status' | 'headers'>, text: string): SimpleKvError {
  const requestId = headers.get('X-Request-Id') ?? undefined;
  // A proxy may send a date, which is taken for none.
  const retryAfterMs = Number(headers.get('Retry-After')) * MS_PER_SECOND || undefined;
  const problem = problemIn(text);
  if (problem === undefined) {
    // Browsers show no status of a redirect.
    const message = `Cannot use the answer to ${what}: status ${status} ${headers.get('Location') ?? ''}, and no problem of SimpleKV`;
    return new SimpleKvError('bad_answer', message, { status, requestId, retryAfterMs });
  }
  const etag = headers.get('ETag');
  const { type, title, status: same, detail, code, request_id: id, ...others } = problem;
  const facts = etag === null ? others : { ...others, etag: strongTag(etag) };
  return new SimpleKvError(code, detail, { status, requestId, facts, retryAfterMs });
}

/** The tag that the server sent. A proxy that compresses marks it as weak; it is the same version, and conditions need strong tags. */
export function strongTag(etag: string): string {
  return etag.replace(/^W\//, '');
}

function problemIn(text: string): ProblemJson | undefined {
  try {
    const parsed = JSON.parse(text) as Partial<ProblemJson> | null;
    return typeof parsed?.code === 'string' && typeof parsed.detail === 'string' ? (parsed as ProblemJson) : undefined;
  } catch {
    return undefined;
  }
}
