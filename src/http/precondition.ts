/**
 * Conditional requests: which headers are supported where, and what they mean. What is not supported is refused, never ignored,
 * because a write whose condition was dropped overwrites what it meant to protect.
 */
import type { IncomingHttpHeaders } from 'node:http';
import { AppError } from '../base/app-error.js';
import type { Precondition } from '../store/command.js';
import { parseEntityTag, versionOf } from './entity-tag.js';

const CONDITIONAL_HEADERS = ['if-match', 'if-none-match', 'if-unmodified-since'] as const;
const ANY = '*';

/**
 * Reads the condition of a write.
 *
 * @param logId the log's id, since tags of other logs match nothing
 * @returns the condition, or undefined for none
 * @throws {AppError} `invalid_precondition`
 */
export function writePrecondition(headers: IncomingHttpHeaders, logId: string): Precondition | undefined {
  const { 'if-match': match, 'if-none-match': noneMatch } = headers;
  if (match === undefined && noneMatch === undefined && headers['if-unmodified-since'] === undefined) return undefined;
  if (headers['if-unmodified-since'] !== undefined) throw invalid('If-Unmodified-Since', 'use If-Match with the ETag instead');
  if (match !== undefined && noneMatch !== undefined) throw invalid('If-Match and If-None-Match', 'send one of the two');
  if (noneMatch !== undefined) {
    if (noneMatch === ANY) return { kind: 'absent' };
    throw invalid('If-None-Match', 'only * is supported on a write');
  }
  if (match === ANY) return { kind: 'match' };
  const tag = parseEntityTag(match ?? '');
  if (tag === undefined || tag.weak) throw invalid('If-Match', 'it takes * or one strong entity tag in double quotes');
  const seq = versionOf(tag, logId);
  return seq === undefined ? { kind: 'never' } : { kind: 'match', seq };
}

/**
 * Tells whether a reader has the present version already.
 *
 * @param headers the request's, which {@link checkReadPrecondition} let pass
 * @returns true when the answer is 304
 */
export function isNotModified(headers: IncomingHttpHeaders, version: { readonly seq: number; readonly logId: string }): boolean {
  const noneMatch = headers['if-none-match'];
  if (noneMatch === undefined || noneMatch === ANY) return noneMatch === ANY;
  const tag = parseEntityTag(noneMatch);
  // On a read the comparison is weak: what a cache or proxy marked with W/ still names the same version.
  return tag !== undefined && versionOf(tag, version.logId) === version.seq;
}

/**
 * Checks the conditions of a read, whether or not there is something to compare them with.
 *
 * @throws {AppError} `invalid_precondition`
 */
export function checkReadPrecondition(headers: IncomingHttpHeaders): void {
  if (headers['if-match'] !== undefined) throw invalid('If-Match', 'it is for writes; a read takes If-None-Match');
  if (headers['if-unmodified-since'] !== undefined) throw invalid('If-Unmodified-Since', 'a read takes If-None-Match');
  const noneMatch = headers['if-none-match'];
  if (noneMatch === undefined || noneMatch === ANY) return;
  if (parseEntityTag(noneMatch) === undefined) throw invalid('If-None-Match', 'it takes * or one entity tag in double quotes');
}

/**
 * Refuses every condition, for routes on something that has no version.
 *
 * @throws {AppError} `invalid_precondition` when there is any
 */
export function refusePreconditions(headers: IncomingHttpHeaders): void {
  for (const name of CONDITIONAL_HEADERS) {
    if (headers[name] !== undefined) throw invalid(name, 'only a single key has a version to compare');
  }
}

function invalid(header: string, reason: string): AppError {
  return new AppError('invalid_precondition', `Cannot use ${header}: ${reason}`);
}
