/**
 * Conditional requests: the supported headers and their meaning. An unsupported condition is refused, never ignored: a write without its
 * condition overwrites what the client meant to protect. `store/decide.ts` compares the condition of a write with the current version.
 */
import type { IncomingHttpHeaders } from 'node:http';
import type { WRITE_PARAMETERS } from '../api/specs/keys.js';
import { AppError } from '../base/app-error.js';
import type { KeyVersion } from '../events/key-version.js';
import type { Precondition } from '../store/command.js';
import { type EntityTag, parseEntityTag, versionIn } from './entity-tag.js';

const CONDITIONAL_HEADERS = ['if-match', 'if-none-match', 'if-unmodified-since'] as const;
const ANY = '*';

/** The parameters of a write, as text. */
export type WriteParameters = Partial<Record<keyof typeof WRITE_PARAMETERS, string>>;

/**
 * Parses the condition of a write, in its headers or its query; undefined for none.
 *
 * @throws {AppError} `invalid_precondition`
 */
export function writePrecondition(headers: IncomingHttpHeaders, { if_seq: ifSeq }: WriteParameters = {}): Precondition | undefined {
  if (ifSeq !== undefined) return conditionOn(Number(ifSeq), headers);
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
  if (tag === undefined || tag.weak) throw invalid('If-Match', 'expected * or one strong entity tag in double quotes');
  return tagCondition(tag);
}

/** The condition that the current version is that of a tag. */
export function tagCondition(entityTag: EntityTag): Precondition {
  const version = versionIn(entityTag);
  return version === undefined ? { kind: 'never' } : { kind: 'match', ...version };
}

/** The condition that the current version is this seq; 0: that there is none. */
export function seqCondition(seq: number): Precondition {
  if (seq === 0) return { kind: 'absent' };
  return Number.isSafeInteger(seq) ? { kind: 'match', seq } : { kind: 'never' };
}

function conditionOn(seq: number, headers: IncomingHttpHeaders): Precondition {
  for (const name of CONDITIONAL_HEADERS) {
    if (headers[name] !== undefined) throw invalid(shownName(name), 'the query has a condition too, "if_seq"; send one of the two');
  }
  return seqCondition(seq);
}

/** Tells whether the client has the current version (304). Expects headers that passed {@link checkReadPrecondition}. */
export function isNotModified(headers: IncomingHttpHeaders, current: KeyVersion): boolean {
  const noneMatch = headers['if-none-match'];
  if (noneMatch === undefined || noneMatch === ANY) return noneMatch === ANY;
  const entityTag = parseEntityTag(noneMatch);
  // The comparison is weak: a tag that a cache or proxy marked with W/ names the same version.
  const version = entityTag && versionIn(entityTag);
  return version !== undefined && version.seq === current.seq && version.tag === current.tag;
}

/**
 * Checks the syntax of the conditions of a read, whether or not the key exists.
 *
 * @throws {AppError} `invalid_precondition`
 */
export function checkReadPrecondition(headers: IncomingHttpHeaders): void {
  if (headers['if-match'] !== undefined) throw invalid('If-Match', 'it applies to writes; use If-None-Match on a read');
  if (headers['if-unmodified-since'] !== undefined) throw invalid('If-Unmodified-Since', 'use If-None-Match on a read');
  const noneMatch = headers['if-none-match'];
  if (noneMatch === undefined || noneMatch === ANY) return;
  if (parseEntityTag(noneMatch) === undefined) throw invalid('If-None-Match', 'expected * or one entity tag in double quotes');
}

/**
 * Refuses every condition, for routes whose resource has no version.
 *
 * @throws {AppError} `invalid_precondition`
 */
export function refusePreconditions(headers: IncomingHttpHeaders): void {
  for (const name of CONDITIONAL_HEADERS) {
    if (headers[name] !== undefined) throw invalid(shownName(name), 'only a single key has a version to compare');
  }
}

/** As specifications write the name of a header. */
function shownName(name: string): string {
  return name.replace(/(?<=^|-)[a-z]/g, (letter) => letter.toUpperCase());
}

function invalid(header: string, reason: string): AppError {
  return new AppError('invalid_precondition', `Cannot use ${header}: ${reason}`);
}
