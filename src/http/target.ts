/**
 * Strict parsing of the raw request target: form, path, query. Percent-encodings are decoded exactly once, here; the router's own decoding
 * accepts malformed ones and is not used.
 */
import { PROJECTS_PATH } from '../api/paths.js';
import { AppError } from '../base/app-error.js';
import { parseQuery, type QueryEntry } from './query.js';

/** A parsed target. */
export interface RequestTarget {
  /** Raw, as matched against routes; `*` for `OPTIONS *`. */
  readonly path: string;
  readonly query: readonly QueryEntry[];
  /** The authority of an absolute target; null for the usual form. */
  readonly authority: string | null;
  /** The segment after {@link PROJECTS_PATH}, decoded, valid as an id or not; null for none. */
  readonly project: string | null;
  /** Everything after `/keys/`, decoded, so that `/` may be sent plain or as `%2F`; null for none. */
  readonly key: string | null;
}

/** The target before it is parsed. */
export const NO_TARGET: RequestTarget = { path: '', query: [], authority: null, project: null, key: null };

const KEYS_SEGMENT = '/keys/';
// Node decodes bytes beyond ASCII as Latin-1; "#" starts a fragment, which no client sends.
const REFUSED_CHARACTER = /[^\u0021-\u007e]|#/;
const ABSOLUTE = /^https?:\/\/([^/?@]+)(\/[^?]*)?(\?.*)?$/i;

/**
 * Parses a target. Every percent-encoding in the path is valid UTF-8 afterwards.
 *
 * @throws {AppError} `invalid_target`, or as {@link parseQuery}
 */
export function parseTarget(raw: string): RequestTarget {
  if (REFUSED_CHARACTER.test(raw)) throw invalidTarget('it contains a character that must be percent-encoded');
  if (raw === '*') return { ...NO_TARGET, path: raw };
  if (raw.startsWith('/')) return parsePathAndQuery(raw, null);
  const absolute = ABSOLUTE.exec(raw);
  if (absolute === null) throw invalidTarget('it is neither a path nor an absolute http URL');
  return parsePathAndQuery(`${absolute[2] ?? '/'}${absolute[3] ?? ''}`, absolute[1] ?? '');
}

function parsePathAndQuery(text: string, authority: string | null): RequestTarget {
  const mark = text.indexOf('?');
  const path = mark === -1 ? text : text.slice(0, mark);
  // Checked even if no route reads it: a malformed target is refused before anything is known of the caller.
  decodeOnce(path);
  return { path, query: mark === -1 ? [] : parseQuery(text.slice(mark + 1)), authority, ...resourceOf(path) };
}

function resourceOf(path: string): Pick<RequestTarget, 'project' | 'key'> {
  const first = PROJECTS_PATH.length + 1;
  if (!path.startsWith(`${PROJECTS_PATH}/`)) return { project: null, key: null };
  const end = path.indexOf('/', first);
  if (end === -1) return { project: decodeOnce(path.slice(first)), key: null };
  const key = path.startsWith(KEYS_SEGMENT, end) ? decodeOnce(path.slice(end + KEYS_SEGMENT.length)) : null;
  return { project: decodeOnce(path.slice(first, end)), key };
}

function decodeOnce(text: string): string {
  if (!text.includes('%')) return text;
  try {
    return decodeURIComponent(text);
  } catch {
    throw invalidTarget('a percent-encoding in its path is malformed or is not UTF-8');
  }
}

function invalidTarget(reason: string): AppError {
  return new AppError('invalid_target', `Cannot read the request target: ${reason}`);
}
