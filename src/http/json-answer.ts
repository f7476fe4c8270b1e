/**
 * JSON answers other than values and listings.
 */
import type { AppContext } from './context.js';

/** Media type of every answer except problems. */
export const JSON_TYPE = 'application/json; charset=utf-8';

/** Sends a document as JSON that must not be cached. */
export function sendJson(ctx: AppContext, status: number, document: object): void {
  ctx.status = status;
  ctx.set('Content-Type', JSON_TYPE);
  ctx.set('Cache-Control', 'no-store');
  ctx.body = JSON.stringify(document);
}
