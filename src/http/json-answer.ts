/**
 * How answers of our own making are sent: JSON text with its headers.
 */
import type { AppContext } from './context.js';

/** Media type of every answer but problems. */
export const JSON_TYPE = 'application/json; charset=utf-8';

/**
 * Sends JSON that no cache keeps.
 *
 * @param status 200 or 201
 */
export function sendJson(ctx: AppContext, status: number, document: object): void {
  ctx.status = status;
  ctx.set('Content-Type', JSON_TYPE);
  ctx.set('Cache-Control', 'no-store');
  ctx.body = JSON.stringify(document);
}
