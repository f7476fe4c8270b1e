/**
 * Answers that stay the same while the server runs, with an entity tag, so that a client need not fetch them twice.
 */
import { hash } from 'node:crypto';
import { parseEntityTag } from './entity-tag.js';
import type { Answer, Exchange } from './exchange.js';

const OK = 200;
const NOT_MODIFIED = 304;
const PERMANENT_REDIRECT = 308;
const TAG_DIGITS = 16;

/** What is sent. */
export interface FixedBody {
  readonly type: string;
  readonly body: string;
  /** The entity tag, without the quotes. */
  readonly tag: string;
  /** More headers; names and values alternate. */
  readonly headers: readonly string[];
}

/** Adds the tag to what is sent. */
export function fixedBody(type: string, body: string, headers: readonly string[] = []): FixedBody {
  return { type, body, tag: hash('sha256', body).slice(0, TAG_DIGITS), headers };
}

/** Sends it, unless the client has it. */
export function answerFixed({ request }: Exchange, { type, body, tag, headers }: FixedBody): Answer {
  const common = ['ETag', `"${tag}"`, 'Cache-Control', 'no-cache'];
  const noneMatch = request.headers['if-none-match'];
  const isKnown = noneMatch !== undefined && (noneMatch === '*' || parseEntityTag(noneMatch)?.opaque === tag);
  if (isKnown) return { status: NOT_MODIFIED, headers: common, body: null };
  return { status: OK, headers: ['Content-Type', type, ...common, ...headers], body };
}

/** Sends the client to another path for good. */
export function redirect(path: string): Answer {
  return { status: PERMANENT_REDIRECT, headers: ['Location', path, 'Cache-Control', 'no-cache'], body: null };
}
