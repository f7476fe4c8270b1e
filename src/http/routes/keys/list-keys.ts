/**
 * The listing of a project's keys over HTTP.
 */
import type { Projects } from '../../../projects/projects.js';
import type { AnswerRooms } from '../../answer-rooms.js';
import type { AppContext } from '../../context.js';
import { JSON_TYPE } from '../../json-answer.js';
import { fixPage, writeListing, writePage, type ListingText } from '../../key-listing.js';
import { refusePreconditions } from '../../precondition.js';
import { requireProjectId } from '../projects/project-id.js';
import { nextLink, readListingQuery } from './listing-query.js';

const OK = 200;

/** What the listing needs. */
export interface ListKeysParts {
  readonly projects: Projects;
  readonly rooms: AnswerRooms;
}

/**
 * Answers `GET /projects/{id}/keys`.
 *
 * @param ctx the request's context
 * @param parts find the store and take room
 * @throws {AppError} `invalid_project_id`, `invalid_query`, `project_not_found`, `project_corrupt`, `invalid_precondition`, `busy`
 */
export async function listKeys(ctx: AppContext, { projects, rooms }: ListKeysParts): Promise<void> {
  const id = requireProjectId(ctx);
  const { path, query } = ctx.state.target;
  const { range, withValues, limit } = readListingQuery(query);
  const store = projects.store(id);
  refusePreconditions(ctx.req.headers);
  const nextTurn = (): Promise<void> => rooms.nextTurn();
  const form = { withValues, admit: (sizeBytes: number) => rooms.take(ctx, sizeBytes), nextTurn };
  if (limit === undefined) return send(ctx, rooms, () => writeListing(store, range, form));
  // The page's keys are fixed before anything is sent, since the link to the next page is a header.
  const { keys, hasMore } = await fixPage(store, range, { limit, nextTurn });
  const lastKey = keys.at(-1);
  if (hasMore && lastKey !== undefined) ctx.set('Link', nextLink(path, query, lastKey));
  return send(ctx, rooms, () => writePage(store, keys, form));
}

async function send(ctx: AppContext, rooms: AnswerRooms, write: () => Promise<ListingText>): Promise<void> {
  const text = ctx.method === 'HEAD' ? undefined : await write();
  ctx.status = OK;
  ctx.set('Content-Type', JSON_TYPE);
  ctx.set('Cache-Control', 'no-store');
  if (Buffer.isBuffer(text)) ctx.body = text;
  else if (text !== undefined) rooms.send(ctx, text);
}
