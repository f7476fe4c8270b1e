/**
 * The header `Idempotency-Key`: its form, the id that it gives the request, and the fingerprint of what the request asks for. Whether a
 * request was sent before, the turn decides (`store/repeated-requests.ts`).
 */
import { hash, randomBytes } from 'node:crypto';
import { AppError } from '../base/app-error.js';
import { FINGERPRINT_DIGITS, IDEMPOTENCY_KEY_CHARACTERS_MAX, IDEMPOTENT_PREFIX, isIdempotencyKey } from '../events/idempotency.js';
import type { Exchange } from './exchange.js';
import { holdsApiKey } from './request-id.js';

/** Where an exchange stands with the header; on routes that take none, it has none. */
export type Idempotency = 'none' | 'valid' | 'invalid';

const SECRET_BYTES = 32;
const SHORT_BODY_BYTES = 4096;

/** Of this process: a fingerprint is compared with those of the same process only, and tells nothing of a value. */
const secret = randomBytes(SECRET_BYTES).toString('hex');

/** A header with a structured-field string (RFC 8941), or the bare text. */
const QUOTED = /^"(.*)"$/;

/**
 * Takes the key of a request that has the header. Its id is made of the key, so that the answer, the server log and the line of the change
 * have it, whatever else is wrong with the request.
 *
 * @param sent the header
 */
export function takeIdempotencyKey(exchange: Exchange, sent: string): void {
  const key = sent.startsWith('"') ? QUOTED.exec(sent)?.[1] ?? sent : sent;
  const { headers } = exchange.request;
  if (!isIdempotencyKey(key) || holdsApiKey(key, headers)) {
    exchange.idempotency = 'invalid';
    return;
  }
  exchange.idempotency = 'valid';
  if (headers['x-request-id'] === exchange.requestId) exchange.clientRequestId = exchange.requestId;
  exchange.requestId = IDEMPOTENT_PREFIX + key;
}

/** The refusal of an invalid key. Does not quote it, since it may be an API key. */
export function invalidIdempotencyKey(): AppError {
  const form = `1 to ${IDEMPOTENCY_KEY_CHARACTERS_MAX} letters, digits and . _ : @ / + = -, in double quotes or without, and no API key`;
  return new AppError('invalid_idempotency_key', `Cannot use this Idempotency-Key: it must be ${form}`);
}

/** Returns the fingerprint of everything that a request asks for: two requests with the same one ask for the same. */
export function fingerprintOf({ route, target: { key, query }, request: { headers }, requestBody, document }: Exchange): string {
  const { 'if-match': match = null, 'if-none-match': noneMatch = null } = headers;
  const isPlain = query.length === 0 && match === null && noneMatch === null && document === null;
  // No id of a route begins with a bracket, and neither it nor a key has a line feed, so no two requests have the same text.
  const target = isPlain ? `${route?.id}\n${key}\n` : JSON.stringify([route?.id, key, query, match, noneMatch, document]);
  // The secret comes first, and most of the digest is dropped, so it is as good as an HMAC, which takes four times as long.
  return hash('sha256', `${secret}${target}${bodyText(requestBody)}`).slice(0, FINGERPRINT_DIGITS);
}

/** The usual short body stands for itself, byte by byte: that saves a hash. */
function bodyText(body: Buffer | null): string {
  if (body === null) return '';
  return body.length <= SHORT_BODY_BYTES ? `=${body.toString('latin1')}` : `#${hash('sha256', body)}`;
}
