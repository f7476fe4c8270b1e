/**
 * JSON answers other than values and listings.
 */
import type { CommandResult } from '../store/command.js';
import type { Answer } from './exchange.js';

/** `Content-Type` of JSON. */
export const JSON_TYPE = 'application/json; charset=utf-8';

const REPEATED: readonly string[] = ['Idempotency-Replayed', 'true'];
const NOTHING: readonly string[] = [];

/** Returns the headers of an answer of a type that must not be cached. Names and values alternate. */
export function uncached(contentType: string): string[] {
  return ['Content-Type', contentType, 'Cache-Control', 'no-store'];
}

/**
 * Returns a document as JSON that must not be cached.
 *
 * @param headers more headers; names and values alternate
 */
export function jsonAnswer(status: number, document: object, headers: readonly string[] = []): Answer {
  return { status, headers: [...uncached(JSON_TYPE), ...headers], body: JSON.stringify(document) };
}

/** Headers of the answer to a change: a mark if it is repeated. */
export function repetitionHeaders({ isRepeated }: CommandResult): readonly string[] {
  return isRepeated === true ? REPEATED : NOTHING;
}

/** The receipt of a change; `durable: false` if it may not be on disk yet. */
export function receiptOf({ seq, hash, volatile }: CommandResult): object {
  return volatile ? { seq, hash, durable: false } : { seq, hash };
}
