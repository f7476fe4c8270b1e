/**
 * The key in a request: found in its headers, at most one. What it opens is asked elsewhere.
 */
import { isUtf8 } from 'node:buffer';
import { AppError } from '../base/app-error.js';
import type { RequestHeaders } from './request-headers.js';

/** What a request carries: no key, one, or something in the place of a key that is none. */
export type Credentials = { readonly kind: 'none' } | { readonly kind: 'malformed' } | { readonly kind: 'key'; readonly key: string };

const NONE: Credentials = { kind: 'none' };
const MALFORMED: Credentials = { kind: 'malformed' };
const BEARER = /^bearer +(.+)$/i;
const BEYOND_ASCII = /[^\u0000-\u007f]/;

/**
 * Finds the key.
 *
 * @param headers the request's
 * @returns what there is
 * @throws {AppError} `ambiguous_credentials` for more than one
 */
export function findCredentials({ authorizations, apiKeys }: RequestHeaders): Credentials {
  if (authorizations.length + apiKeys.length > 1) {
    throw new AppError('ambiguous_credentials', 'Cannot choose among several credentials: send one Authorization or one X-API-Key header');
  }
  const [apiKey] = apiKeys;
  const [authorization] = authorizations;
  if (apiKey === undefined && authorization === undefined) return NONE;
  const key = apiKey ?? BEARER.exec(authorization ?? '')?.[1] ?? '';
  return key === '' ? MALFORMED : { kind: 'key', key: asSent(key) };
}

/** Node reads header bytes as Latin-1, while a key chosen by a person stands in the configuration as UTF-8. */
function asSent(key: string): string {
  if (!BEYOND_ASCII.test(key)) return key;
  const bytes = Buffer.from(key, 'latin1');
  return isUtf8(bytes) ? bytes.toString('utf8') : key;
}
