/**
 * JSON answers other than values and listings.
 */
import type { Answer } from './exchange.js';

/** Media type of every answer except problems. */
export const JSON_TYPE = 'application/json; charset=utf-8';

/** Headers of JSON that must not be cached. Names and values alternate. */
export const JSON_HEADERS = ['Content-Type', JSON_TYPE, 'Cache-Control', 'no-store'] as const;

/**
 * Returns a document as JSON that must not be cached.
 *
 * @param headers more headers; names and values alternate
 */
export function jsonAnswer(status: number, document: object, headers: readonly string[] = []): Answer {
  return { status, headers: [...JSON_HEADERS, ...headers], body: JSON.stringify(document) };
}
