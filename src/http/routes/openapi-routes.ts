/**
 * The routes of the document of the API. It is made at the first request for it: a start does not pay for it.
 */
import { hash } from 'node:crypto';
import { OPENAPI_PATH } from '../../api/paths.js';
import { ROUTES } from '../../api/routes.js';
import { parseEntityTag } from '../entity-tag.js';
import type { Answer, Exchange } from '../exchange.js';
import { JSON_TYPE } from '../json-answer.js';
import type { RouteHandlers } from '../route-handlers.js';

const OK = 200;
const NOT_MODIFIED = 304;
const PERMANENT_REDIRECT = 308;
const TAG_DIGITS = 16;

/** The document as it is sent. */
interface SentDocument {
  readonly text: string;
  /** Its entity tag, without the quotes. */
  readonly tag: string;
}

/** Returns the handlers. */
export function openApiRoutes(version: string): RouteHandlers<'getOpenApi' | 'findOpenApi'> {
  let document: Promise<SentDocument> | undefined;
  return {
    getOpenApi: { handle: async (exchange) => answerDocument(exchange, await (document ??= makeDocument(version))) },
    findOpenApi: { handle: () => redirect(OPENAPI_PATH) },
  };
}

async function makeDocument(version: string): Promise<SentDocument> {
  const { makeOpenApi } = await import('../../api/openapi.js');
  const text = JSON.stringify(makeOpenApi(ROUTES, version));
  return { text, tag: hash('sha256', text).slice(0, TAG_DIGITS) };
}

function answerDocument({ request }: Exchange, { text, tag }: SentDocument): Answer {
  const headers = ['ETag', `"${tag}"`, 'Cache-Control', 'no-cache'];
  const noneMatch = request.headers['if-none-match'];
  const isKnown = noneMatch !== undefined && (noneMatch === '*' || parseEntityTag(noneMatch)?.opaque === tag);
  if (isKnown) return { status: NOT_MODIFIED, headers, body: null };
  return { status: OK, headers: ['Content-Type', JSON_TYPE, ...headers], body: text };
}

/** Sends the client to another path for good. */
function redirect(path: string): Answer {
  return { status: PERMANENT_REDIRECT, headers: ['Location', path, 'Cache-Control', 'no-cache'], body: null };
}
