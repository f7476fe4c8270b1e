/**
 * The listing of a project's keys over HTTP.
 */
import type { Readable } from 'node:stream';
import type { Projects } from '../../../projects/projects.js';
import { authorizationOf } from '../../authorization.js';
import type { AppContext } from '../../context.js';
import { JSON_TYPE } from '../../json-answer.js';
import { fixPage, writeListing, writePage, type ListingText } from '../../key-listing.js';
import { refusePreconditions } from '../../precondition.js';
import { requireProjectId } from '../projects/project-id.js';
import { nextLink, readListingQuery } from './listing-query.js';

const OK = 200;

/**
 * Answers `GET /projects/{id}/keys`.
 *
 * @param ctx the request's context
 * @param projects finds the store
 * @throws {AppError} `invalid_project_id`, `invalid_query`, `project_not_found`, `project_corrupt`, `invalid_precondition`
 */
export async function listKeys(ctx: AppContext, projects: Projects): Promise<void> {
  const id = requireProjectId(ctx);
  const { path, query } = ctx.state.target;
  const { range, withValues, limit } = readListingQuery(query);
  const store = projects.store(id);
  refusePreconditions(ctx.req.headers);
  const authorization = authorizationOf(ctx);
  const form = { withValues, assertAllowed: () => authorization.assertHolds() };
  if (limit === undefined) return send(ctx, () => writeListing(store, range, form));
  // The page's keys are fixed before anything is sent, since the link to the next page is a header.
  const { keys, hasMore } = await fixPage(store, range, limit);
  const lastKey = keys.at(-1);
  if (hasMore && lastKey !== undefined) ctx.set('Link', nextLink(path, query, lastKey));
  return send(ctx, () => writePage(store, keys, form));
}

async function send(ctx: AppContext, write: () => Promise<ListingText>): Promise<void> {
  const text = ctx.method === 'HEAD' ? undefined : await write();
  ctx.status = OK;
  ctx.set('Content-Type', JSON_TYPE);
  ctx.set('Cache-Control', 'no-store');
  if (text === undefined) return;
  if (typeof text !== 'string') countBytes(ctx, text);
  ctx.body = text;
}

function countBytes(ctx: AppContext, stream: Readable): void {
  stream.on('data', (chunk: string) => {
    ctx.state.streamedBytes += Buffer.byteLength(chunk);
  });
  // Listening for data starts the stream; it has to wait until Koa has connected it to the answer.
  stream.pause();
}
