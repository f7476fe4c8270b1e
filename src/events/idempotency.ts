/**
 * Requests that are to take effect once, however often they are sent: the key that the client gave such a request, in the id of the
 * request, which is in the line of its change. So a log alone tells which requests took effect.
 */

/** The id of a request with a key begins with it. No other request has such an id. */
export const IDEMPOTENT_PREFIX = 'idem:';

/** The longest key, in characters. */
export const IDEMPOTENCY_KEY_CHARACTERS_MAX = 100;

/** Hexadecimal digits of the fingerprint of what a request asks for. A collision would deceive only the caller who sent both requests. */
export const FINGERPRINT_DIGITS = 16;

const KEY = /^[0-9A-Za-z._:@/+=-]+$/;

/** Tells whether a text can be such a key. */
export function isIdempotencyKey(text: string): boolean {
  return text.length <= IDEMPOTENCY_KEY_CHARACTERS_MAX && KEY.test(text);
}

/** Returns the key in the id of a request; undefined if it has none. */
export function idempotencyKeyIn(requestId: string): string | undefined {
  if (!requestId.startsWith(IDEMPOTENT_PREFIX)) return undefined;
  const key = requestId.slice(IDEMPOTENT_PREFIX.length);
  return isIdempotencyKey(key) ? key : undefined;
}
